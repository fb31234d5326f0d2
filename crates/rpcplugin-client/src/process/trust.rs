//! Whether others can change a program, or put another in its place.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rpcplugin_core::SecurityError;

/// Warns if others can.
///
/// What cannot be looked at is no matter: then the start fails for a better reason.
pub(super) fn warn(program: &Path) {
    let Ok(canonical) = program.canonicalize() else { return };
    if let Some((path, reason)) = writable(&canonical) {
        tracing::warn!(path = %path.display(), reason, "others can change the plugin's program");
    }
}

/// Refuses the program if others can.
///
/// # Errors
///
/// `SECURITY_FILE_PERMISSIONS`.
pub(super) fn check(named: &Path, found: &Path) -> Result<(), SecurityError> {
    let refuse = |path: &Path, reason: String| {
        Err(SecurityError::FilePermissions { path: path.to_owned(), reason })
    };
    if named.components().count() < 2 {
        let reason = "it is named without a directory, so any directory of PATH could hold it";
        return refuse(named, reason.to_owned());
    }
    for directory in found.ancestors().skip(1) {
        match directory.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                return refuse(directory, "the directory is a symbolic link".to_owned());
            }
            Ok(_) => {}
            Err(error) => return refuse(directory, error.to_string()),
        }
    }
    let canonical = match found.canonicalize() {
        Ok(canonical) => canonical,
        Err(error) => return refuse(found, error.to_string()),
    };
    match writable(&canonical) {
        Some((path, reason)) => refuse(&path, reason),
        None => Ok(()),
    }
}

/// The first of the file and the directories above it that somebody else can change.
fn writable(canonical: &Path) -> Option<(PathBuf, String)> {
    let own = rustix::process::geteuid().as_raw();
    canonical.ancestors().enumerate().find_map(|(height, path)| {
        // One that cannot be looked at lets nobody be sure.
        let reason = match path.symlink_metadata() {
            // Who may write to a directory such as /tmp may make new entries in it and not touch
            // those of others. But beside the program itself new ones may matter.
            Ok(found) => flaw(&found, own, height >= 2),
            Err(error) => Some(error.to_string()),
        };
        reason.map(|reason| (path.to_owned(), reason))
    })
}

fn flaw(found: &Metadata, own: u32, sticky_will_do: bool) -> Option<String> {
    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let (user, group, mode) = (found.uid(), found.gid(), found.mode() & 0o7777);
    let what = if user != 0 && user != own {
        "it belongs to somebody else"
    } else if mode & OTHERS_WRITE != 0 && !(sticky_will_do && mode & STICKY != 0) {
        "others may write to it"
    } else {
        return None;
    };
    Some(format!("{what} (owner {user}:{group}, mode {mode:04o})"))
}
