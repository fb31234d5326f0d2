//! Whether a file can have been written by others than this user and root.

use std::{fs::Metadata, io, path::Path};

use rpcplugin_core::{Error, HandshakeError, SecurityError};

/// Why a directory is not read.
#[derive(Debug)]
pub(super) enum Refusal {
    System(io::Error),
    Security(SecurityError),
}

/// A directory whose files are to be trusted: others must not be able to add or replace any, or
/// the directory itself, or one above it.
pub(super) fn check_directory(path: &Path) -> Result<(), Refusal> {
    let metadata = std::fs::metadata(path).map_err(Refusal::System)?;
    if !metadata.is_dir() {
        return Err(Refusal::System(io::ErrorKind::NotADirectory.into()));
    }
    check_writers(path, &metadata).map_err(Refusal::Security)?;
    #[cfg(unix)]
    if let Some((path, reason)) = crate::process::trust::doubt_in_directory(path) {
        return Err(Refusal::Security(SecurityError::FilePermissions { path, reason }));
    }
    Ok(())
}

/// An executable, as its metadata show it.
pub(super) fn check_executable(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let denied = |detail: &str| {
        Error::from(HandshakeError::SpawnDenied { path: path.to_owned(), detail: detail.into() })
    };
    if !metadata.is_file() {
        return Err(denied("it is not a file"));
    }
    if !is_executable(path) {
        return Err(denied("it is not executable"));
    }
    Ok(check_writers(path, metadata)?)
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("exe"))
}

/// Refuses what others could have written.
#[cfg(unix)]
pub(super) fn check_writers(path: &Path, metadata: &Metadata) -> Result<(), SecurityError> {
    check_owner(path, metadata)?;
    let mode = std::os::unix::fs::MetadataExt::mode(metadata);
    // Who may write in a directory with the sticky bit cannot replace the files of others there,
    // but can add some; the owner of each file is looked at, too.
    let sticky = metadata.is_dir() && mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !sticky {
        return Err(refusal(path, metadata, "others can write it"));
    }
    Ok(())
}

/// Refuses what belongs to others. Of a link there is nothing more to see: it has no mode.
#[cfg(unix)]
pub(super) fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), SecurityError> {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(refusal(path, metadata, "it belongs to another user"));
    }
    Ok(())
}

#[cfg(unix)]
fn refusal(path: &Path, metadata: &Metadata, what: &str) -> SecurityError {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let reason = format!("{what}; owner {owner}, mode {mode:04o}");
    SecurityError::FilePermissions { path: path.to_owned(), reason }
}

/// Access control lists are not read on this platform.
#[cfg(not(unix))]
pub(super) fn check_writers(_: &Path, _: &Metadata) -> Result<(), SecurityError> {
    Ok(())
}

/// As with [`check_writers`].
#[cfg(not(unix))]
pub(super) fn check_owner(_: &Path, _: &Metadata) -> Result<(), SecurityError> {
    Ok(())
}
