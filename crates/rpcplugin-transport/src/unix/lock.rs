//! How a private directory shows that somebody still needs it.
//!
//! Its maker holds a lock on the directory itself, which the system releases however that process
//! ends, and which no file has to stand for. A plugin that outlives its host cannot take the lock
//! over, so a note in the directory names it: process id and start time, since ids are used again.

use std::{io, os::fd::OwnedFd};

use rustix::{
    fs::{FlockOperation, Mode, OFlags},
    io::Errno,
    process::Pid,
};

use crate::ProcessStat;

/// What came of an attempt to lock a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lock {
    /// It is ours until the descriptor is closed.
    Held,
    /// Somebody else holds it.
    HeldByAnother,
    /// The file system knows no such locks.
    Unknown,
}

/// Locks an open directory, without waiting.
pub(super) fn try_lock(directory: &OwnedFd) -> Lock {
    loop {
        return match rustix::fs::flock(directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Lock::Held,
            Err(Errno::INTR) => continue,
            Err(Errno::WOULDBLOCK) => Lock::HeldByAnother,
            Err(_) => Lock::Unknown,
        };
    }
}

/// Leaves a note that the directory is needed while the process `pid` lives.
pub(super) fn keep_for(directory: &OwnedFd, pid: u32) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let note = rustix::fs::openat(directory, NOTE, flags, Mode::RUSR | Mode::WUSR)?;
    let text = format!("{pid} {}", ProcessStat::of(pid).map_or(0, |stat| stat.start_time));
    // One small write: a reader sees all of it or nothing.
    rustix::io::write(&note, text.as_bytes())?;
    Ok(())
}

/// Whether the process that a note names lives. What cannot be read may be a note that is being
/// written, so it counts as one of a process that lives.
pub(super) fn is_kept(directory: &OwnedFd) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let note = match rustix::fs::openat(directory, NOTE, flags, Mode::empty()) {
        Ok(note) => note,
        Err(Errno::NOENT) => return false,
        Err(_) => return true,
    };
    let mut text = [0; 64];
    let length = rustix::io::read(&note, &mut text).unwrap_or(0);
    match read(&text[..length]) {
        Some((pid, started)) => is_alive(pid, started),
        None => true,
    }
}

fn read(note: &[u8]) -> Option<(u32, u64)> {
    let (pid, started) = std::str::from_utf8(note).ok()?.split_once(' ')?;
    Some((pid.parse().ok()?, started.parse().ok()?))
}

/// Whether the process that had this id and started then lives; 0 if the start is not known.
fn is_alive(pid: u32, started: u64) -> bool {
    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    // A process of another user answers with EPERM, and lives.
    if rustix::process::test_kill_process(id) == Err(Errno::SRCH) {
        return false;
    }
    match ProcessStat::of(pid) {
        // One that nobody has reaped yet is dead all the same.
        Some(now) => !now.ended && (started == 0 || started == now.start_time),
        None => true,
    }
}

/// The note's name.
const NOTE: &str = ".keep";

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, OwnedFd) {
        let made = tempfile::tempdir().unwrap();
        let open = super::super::removal::open(made.path()).unwrap();
        (made, open)
    }

    #[test]
    fn a_lock_is_held_once_and_goes_with_the_descriptor() {
        let (made, open) = directory();
        assert_eq!(try_lock(&open), Lock::Held);
        let other = super::super::removal::open(made.path()).unwrap();
        assert_eq!(try_lock(&other), Lock::HeldByAnother);
        drop(open);
        assert_eq!(try_lock(&other), Lock::Held);
    }

    #[test]
    fn a_note_keeps_while_its_process_lives() {
        let (_made, open) = directory();
        assert!(!is_kept(&open));
        keep_for(&open, std::process::id()).unwrap();
        assert!(is_kept(&open));
        assert!(keep_for(&open, 1).is_err(), "one note is enough");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_note_of_a_process_that_is_gone_keeps_nothing() {
        let (_made, open) = directory();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        keep_for(&open, child.id()).unwrap();
        while ProcessStat::of(child.id()).is_some_and(|stat| !stat.ended) {
            std::thread::yield_now();
        }
        assert!(!is_kept(&open), "it is dead, if not reaped");
        child.wait().unwrap();
        assert!(!is_kept(&open));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_id_that_is_used_again_is_another_process() {
        let own = ProcessStat::of(std::process::id()).unwrap().start_time;
        assert!(is_alive(std::process::id(), own));
        assert!(!is_alive(std::process::id(), own + 1));
        assert!(is_alive(std::process::id(), 0), "its start was not known");
        assert!(!is_alive(0, 0) && !is_alive(u32::MAX, 0));
    }

    #[test]
    fn what_is_no_note_keeps() {
        let (made, open) = directory();
        for text in ["", "x", "12", "12 x", "-1 0"] {
            std::fs::write(made.path().join(NOTE), text).unwrap();
            assert!(is_kept(&open), "{text:?}");
        }
        std::fs::remove_file(made.path().join(NOTE)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", made.path().join(NOTE)).unwrap();
        assert!(is_kept(&open));
    }
}
