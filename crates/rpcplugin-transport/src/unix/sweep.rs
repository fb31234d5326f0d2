//! Removes what processes that were killed left of their private directories.
//!
//! **Invariant:** nothing is removed whose maker lives. A directory is removed under the lock that
//! its maker would hold, so two sweeps, or a sweep and a directory that is being made, do not meet.

use std::{
    ffi::CString,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::{
    directory::is_name,
    lock::{self, Lock},
    removal::{file_id, open_directory, remove_contents_within},
};

/// Names that are read in one base: it may be the directory for temporary files of a machine.
const MOST_NAMES: usize = 100_000;
/// Directories that are removed; what is left waits for the next process.
const MOST_DIRECTORIES: usize = 2000;
/// Files that are removed in all of them.
const MOST_FILES: usize = 100_000;

/// Sweeps a base in a thread of its own, unless this process has done so before: a start does not
/// wait for what others left.
pub(super) fn once_in_background(base: &Path) {
    /// Few programs use more than one base; one that makes up ever new ones does not fill this.
    const MOST_BASES: usize = 64;
    static SWEPT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    {
        let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.len() == MOST_BASES || swept.iter().any(|known| known == base) {
            return;
        }
        swept.push(base.to_owned());
    }
    let base = base.to_owned();
    let sweeping = move || match sweep(&base) {
        Ok(0) => {}
        Ok(count) => {
            tracing::debug!(base = %base.display(), count, "directories of dead processes were removed");
        }
        Err(error) => {
            tracing::debug!(base = %base.display(), %error, "directories of dead processes were not looked for");
        }
    };
    // Want of a thread harms nothing: the next process sweeps.
    let _ = thread::Builder::new().name("rpcplugin-sweep".to_owned()).spawn(sweeping);
}

/// Removes from `base` the private directories of dead processes; returns how many.
pub(super) fn sweep(base: &Path) -> io::Result<usize> {
    // Unlike what lies in it, the base may be a link: /tmp is one on macOS.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let base = rustix::fs::openat(CWD, base, flags, Mode::empty())?;
    let (mut removed, mut files) = (0, MOST_FILES);
    for name in candidates(&base)? {
        if removed == MOST_DIRECTORIES || files == 0 {
            break;
        }
        // One that cannot be removed says nothing about the others.
        removed += usize::from(remove(&base, &name, &mut files).unwrap_or(false));
    }
    Ok(removed)
}

/// The names that private directories could have.
fn candidates(base: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(base)?.take(MOST_NAMES) {
        let entry = entry?;
        let may_be_directory = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if may_be_directory && is_name(entry.file_name().to_bytes()) {
            found.push(entry.file_name().to_owned());
        }
    }
    Ok(found)
}

/// Removes one directory if nobody needs it; whether it did.
fn remove(base: &OwnedFd, name: &CString, files: &mut usize) -> io::Result<bool> {
    let directory = open_directory(base, name.as_c_str())?;
    let stat = rustix::fs::fstat(&directory)?;
    let of_ours = stat.st_uid == rustix::process::geteuid().as_raw()
        && Mode::from_raw_mode(stat.st_mode).intersection(Mode::RWXO).is_empty();
    // Before the lock too, because whoever wants to take a kept one over must find it free.
    if !of_ours || lock::is_kept(&directory) {
        return Ok(false);
    }
    if lock::try_lock(&directory) != Lock::Held || lock::is_kept(&directory) {
        return Ok(false);
    }
    remove_contents_within(&directory, files)?;
    // Whoever may write in the base can have put another directory in this place.
    let there = rustix::fs::statat(base, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?;
    if file_id(&there) != file_id(&stat) {
        return Ok(false);
    }
    match rustix::fs::unlinkat(base, name.as_c_str(), AtFlags::REMOVEDIR) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
