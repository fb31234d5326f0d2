//! Whether others can change a program, or put another in its place.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rpcplugin_core::SecurityError;

/// What lets others change the program, or the links on the way to it.
///
/// What cannot be looked at is no matter: then the start fails for a better reason.
pub(super) fn doubt(found: &Path) -> Option<(PathBuf, String)> {
    let canonical = found.canonicalize().ok()?;
    writable(&canonical, ABOVE_ITS_DIRECTORY).or_else(|| writable(found, ABOVE_ITS_DIRECTORY))
}

/// What lets others put a directory of theirs, or their files, in the place of this one. As with a
/// program, both the way to it and where that leads are looked at.
#[cfg(feature = "config-files")]
pub(crate) fn doubt_in_directory(path: &Path) -> Option<(PathBuf, String)> {
    let canonical = path.canonicalize().ok()?;
    let absolute = std::path::absolute(path).ok()?;
    writable(&canonical, 0).or_else(|| writable(&absolute, 0))
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
    // The program itself too: whoever can replace a link chooses what it leads to.
    for path in found.ancestors() {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                return refuse(path, "it is a symbolic link".to_owned());
            }
            Ok(_) => {}
            Err(error) => return refuse(path, error.to_string()),
        }
    }
    let canonical = match found.canonicalize() {
        Ok(canonical) => canonical,
        Err(error) => return refuse(found, error.to_string()),
    };
    // With `..` in it, the path passes through directories that the canonical one does not name.
    let others =
        writable(&canonical, ABOVE_ITS_DIRECTORY).or_else(|| writable(found, ABOVE_ITS_DIRECTORY));
    match others {
        Some((path, reason)) => refuse(&path, reason),
        None => Ok(()),
    }
}

/// Who may write to a directory such as /tmp may make new entries in it and not touch those of
/// others. But beside a program new ones may matter.
const ABOVE_ITS_DIRECTORY: usize = 2;

/// The first of the path and the directories above it that somebody else can change. From the
/// height of `sticky_from` on, a directory in which nobody can touch the files of others will do.
fn writable(path: &Path, sticky_from: usize) -> Option<(PathBuf, String)> {
    let own = rustix::process::geteuid().as_raw();
    path.ancestors().enumerate().find_map(|(height, path)| {
        // One that cannot be looked at lets nobody be sure.
        let reason = match path.symlink_metadata() {
            Ok(found) => flaw(&found, own, height >= sticky_from),
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
    } else if found.is_symlink() {
        // Its mode says nothing: the directory decides who can replace it.
        return None;
    } else if mode & OTHERS_WRITE != 0 && !(sticky_will_do && mode & STICKY != 0) {
        "others may write to it"
    } else {
        return None;
    };
    Some(format!("{what} (owner {user}:{group}, mode {mode:04o})"))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_link_that_others_can_replace_is_noticed_and_refused() {
        let made = tempfile::tempdir().unwrap();
        let (good, open) = (made.path().join("good"), made.path().join("open"));
        fs::create_dir(&good).unwrap();
        fs::create_dir(&open).unwrap();
        set_mode(&good, 0o755);
        let plugin = good.join("plugin");
        fs::write(&plugin, "").unwrap();
        set_mode(&plugin, 0o755);
        assert_eq!(doubt(&plugin), None);
        assert!(check(&plugin, &plugin).is_ok());

        let link = open.join("plugin");
        symlink(&plugin, &link).unwrap();
        set_mode(&open, 0o755);
        assert_eq!(doubt(&link), None, "nobody else can replace it");
        set_mode(&open, 0o777);
        assert_eq!(doubt(&link).unwrap().0, open);
        let error = check(&link, &link).unwrap_err().to_string();
        assert!(error.contains("open/plugin") && error.contains("symbolic link"), "{error}");

        let around = open.join("in");
        fs::create_dir(&around).unwrap();
        let around = around.join("../../good/plugin");
        let error = check(&around, &around).unwrap_err().to_string();
        assert!(error.contains("others may write to it"), "{error}");
    }
}
