use std::{io, os::fd::OwnedFd};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
    path::Arg,
};

/// What tells one file from another, whatever its name.
pub(super) type FileId = (u64, u64);

/// The identity of a file.
#[allow(clippy::unnecessary_cast, reason = "the widths differ from system to system")]
pub(super) const fn file_id(stat: &Stat) -> FileId {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// Removes `path` if it still names that socket.
pub(super) fn remove_socket(path: &std::path::Path, id: FileId) {
    let still_ours = rustix::fs::lstat(path).is_ok_and(|stat| file_id(&stat) == id);
    if still_ours {
        // Somebody else may have removed it since; then there is nothing to do.
        let _ = rustix::fs::unlink(path);
    }
}

/// Removes everything in an open directory.
///
/// A plugin fills this directory, so depth and number of what is removed are bounded, and no
/// link is followed. What lies beyond the bounds stays, and the error says so.
pub(super) fn remove_contents(directory: &OwnedFd) -> io::Result<()> {
    remove_contents_within(directory, &mut 10_000)
}

/// As [`remove_contents`], with the number of files that may still be removed.
pub(super) fn remove_contents_within(directory: &OwnedFd, left: &mut usize) -> io::Result<()> {
    const DEEPEST: usize = 16;
    remove_below(directory, DEEPEST, left)
}

fn remove_below(directory: &OwnedFd, depth: usize, left: &mut usize) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("too many files"))?;
            names.push((entry.file_name().to_owned(), entry.file_type()));
        }
    }
    for (name, kind) in names {
        let is_directory = match kind {
            FileType::Directory => true,
            // Some file systems do not say; then the attempt to unlink does.
            FileType::Unknown => is_directory(directory, &*name),
            _ => false,
        };
        if is_directory {
            let depth = depth.checked_sub(1).ok_or_else(|| io::Error::other("nested too deep"))?;
            remove_below(&open_directory(directory, &*name)?, depth, left)?;
            rustix::fs::unlinkat(directory, &*name, AtFlags::REMOVEDIR)?;
        } else {
            match rustix::fs::unlinkat(directory, &*name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn is_directory(directory: &OwnedFd, name: impl Arg) -> bool {
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir())
}

pub(super) fn open_directory(directory: &OwnedFd, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(directory, name, DIRECTORY, Mode::empty())
}

/// Whether an open file is what `path` names.
pub(super) fn is_at(file: &OwnedFd, path: impl Arg) -> rustix::io::Result<bool> {
    let open = file_id(&rustix::fs::fstat(file)?);
    match rustix::fs::lstat(path) {
        Ok(stat) => Ok(file_id(&stat) == open),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a directory by its path, which must not be a link.
pub(super) fn open(path: &std::path::Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(CWD, path, DIRECTORY, Mode::empty())
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
