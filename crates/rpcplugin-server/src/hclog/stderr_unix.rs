use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags, fstat, open},
    io::write,
    stdio::stderr,
};

use super::sink::Device;

/// Descriptor 2, written without blocking.
pub(super) struct RawStderr {
    /// A description of our own for the same pipe. `O_NONBLOCK` on the inherited one would
    /// change it for everybody who shares it.
    own: Option<OwnedFd>,
}

impl RawStderr {
    /// What a pipe takes whole once it is writable at all; the least that POSIX allows is less.
    const PIECE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

    pub(super) fn open() -> Self {
        Self { own: reopened() }
    }

    fn poll(&self, timeout: Option<&Timespec>) -> io::Result<bool> {
        let fd = self.fd();
        let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
        // An error on the descriptor shows in the next write.
        Ok(poll(&mut fds, timeout)? > 0)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.own {
            Some(own) => own.as_fd(),
            None => stderr(),
        }
    }
}

impl Device for RawStderr {
    fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        if self.own.is_none() && !self.poll(Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(write(self.fd(), data.get(..Self::PIECE).unwrap_or(data))?)
    }

    fn wait(&self) -> io::Result<()> {
        match self.poll(None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Opens the same pipe again, where the system can. Not a file, which would begin at offset 0.
fn reopened() -> Option<OwnedFd> {
    let is_pipe = fstat(stderr()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_fifo());
    if !cfg!(target_os = "linux") || !is_pipe {
        return None;
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    open("/proc/self/fd/2", flags, Mode::empty()).ok()
}
