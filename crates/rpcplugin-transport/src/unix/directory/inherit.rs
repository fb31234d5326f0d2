use std::path::Path;

use rustix::fs::Mode;

use super::PrivateDir;
use crate::unix::{
    lock::{self, Lock},
    removal::{self, file_id},
};

impl PrivateDir {
    /// Takes over a directory that a process which is gone made for itself, with the duty to
    /// remove it.
    ///
    /// `None` unless it is one by its name, belongs to this user, is closed to others, and nobody
    /// else has it.
    #[must_use]
    pub fn inherit(path: &Path) -> Option<Self> {
        if !path.is_absolute() || !Self::is_named_so(path) {
            return None;
        }
        let directory = removal::open(path).ok()?;
        let stat = rustix::fs::fstat(&directory).ok()?;
        let is_ours = stat.st_uid == rustix::process::geteuid().as_raw()
            && Mode::from_raw_mode(stat.st_mode).intersection(Mode::RWXO).is_empty();
        let free = is_ours && lock::try_lock(&directory) != Lock::HeldByAnother;
        free.then(|| Self { path: path.to_owned(), directory, id: file_id(&stat) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abandon(made: PrivateDir) {
        let PrivateDir { directory, .. } = &*std::mem::ManuallyDrop::new(made);
        rustix::fs::flock(directory, rustix::fs::FlockOperation::Unlock).unwrap();
    }

    #[test]
    fn only_what_was_made_so_is_taken_over() {
        let base = tempfile::tempdir().unwrap();
        let made = PrivateDir::create(Some(base.path()), None).unwrap();
        let path = made.path().to_owned();
        assert!(PrivateDir::inherit(&path).is_none(), "its maker has it");
        // As if its maker had been killed.
        abandon(made);
        std::fs::write(path.join("socket"), "").unwrap();
        drop(PrivateDir::inherit(&path).unwrap());
        assert!(!path.exists());

        assert!(PrivateDir::inherit(&path).is_none());
        assert!(PrivateDir::inherit(base.path()).is_none());
        let open = base.path().join("rpcplugin-aaaaaaaa");
        std::fs::create_dir(&open).unwrap();
        std::os::unix::fs::symlink(&open, base.path().join("rpcplugin-bbbbbbbb")).unwrap();
        assert!(PrivateDir::inherit(&base.path().join("rpcplugin-bbbbbbbb")).is_none());
        rustix::fs::chmod(&open, Mode::from_raw_mode(0o755)).unwrap();
        assert!(PrivateDir::inherit(&open).is_none(), "others can read it");
    }
}
