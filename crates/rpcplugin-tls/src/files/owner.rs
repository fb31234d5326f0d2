//! Who owns files, who can read them, and who can change them.
//!
//! Elsewhere than on Unix, the access lists that a file inherits from its directory decide.

use std::{
    fs::{DirBuilder, Metadata, OpenOptions},
    io,
    path::Path,
};

use rpcplugin_core::SecurityError;

/// Opening a pipe would wait for somebody to write to it.
pub(super) fn without_waiting(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// The mode of a file that is made.
pub(super) fn mode(options: &mut OpenOptions, mode: u32) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, mode);
    #[cfg(not(unix))]
    let _ = (options, mode);
}

/// Makes the directory, and those above it, for this user alone.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A key that others can read is theirs too.
pub(super) fn only_ours(path: &Path, metadata: &Metadata, what: &str) -> Result<(), SecurityError> {
    #[cfg(unix)]
    if belongs_to_another(metadata) || mode_of(metadata) & 0o077 != 0 {
        return Err(shared(path, metadata, what));
    }
    let _ = (path, metadata, what);
    Ok(())
}

/// Whoever changes whom this side trusts is trusted.
pub(super) fn not_everybodys(path: &Path, metadata: &Metadata) -> Result<(), SecurityError> {
    #[cfg(unix)]
    if mode_of(metadata) & 0o002 != 0 {
        return Err(shared(path, metadata, "everybody can change whom it trusts"));
    }
    let _ = (path, metadata);
    Ok(())
}

/// Whoever writes to a directory puts another key in the place of this one.
pub(super) fn not_shared(directory: &Path) -> Result<(), SecurityError> {
    #[cfg(unix)]
    {
        let metadata = std::fs::metadata(directory).map_err(|error| {
            super::invalid(format!("cannot look at {}: {error}", super::shown(directory)))
        })?;
        if belongs_to_another(&metadata) || mode_of(&metadata) & 0o022 != 0 {
            return Err(shared(directory, &metadata, "others can write to it, and keys go there"));
        }
    }
    let _ = directory;
    Ok(())
}

#[cfg(unix)]
fn belongs_to_another(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.uid() != rustix::process::geteuid().as_raw() && metadata.uid() != 0
}

#[cfg(unix)]
fn mode_of(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o7777
}

#[cfg(unix)]
fn shared(path: &Path, metadata: &Metadata, what: &str) -> SecurityError {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    SecurityError::FilePermissions {
        path: path.to_owned(),
        reason: format!("{what} (owner {owner}, mode {:04o})", mode_of(metadata)),
    }
}
