use std::{io, os::fd::OwnedFd, sync::Mutex, sync::PoisonError};

use rpcplugin_core::TransportError;
use rustix::{
    fs::{OFlags, fcntl_setfl},
    io::{fcntl_dupfd_cloexec, write},
    pipe::{PipeFlags, pipe_with},
    stdio::{dup2_stdout, stdout},
};

use crate::guard;

/// The process's real standard output, taken away from everybody else: descriptor 1 is a pipe
/// that the guard thread empties into the ring.
///
/// Dropping it closes the real output for good; descriptor 1 stays captured.
#[derive(Debug)]
pub(crate) struct RealStdout {
    real: OwnedFd,
}

/// Descriptor 1 is taken at most once at a time.
static TAKEN: Mutex<bool> = Mutex::new(false);

impl RealStdout {
    /// Points descriptor 1 at the ring of this process.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_STDOUT_CLOSED` if another server of this process has it or printed its line,
    /// `TRANSPORT_RESOURCES` if the system has no descriptor or thread left.
    pub(crate) fn take() -> Result<Self, TransportError> {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken {
            let source = io::Error::other("another server of this process has taken stdout");
            return Err(TransportError::StdoutClosed { source: source.into() });
        }
        let captured =
            capture().map_err(|source| TransportError::Resources { source: source.into() })?;
        *taken = true;
        Ok(captured)
    }

    /// Writes the handshake line and closes the real output.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_STDOUT_CLOSED`, such as when the host is gone.
    pub(crate) fn print(self, line: &str) -> Result<(), TransportError> {
        // One write: a pipe takes a line of less than 4 KiB whole, or not at all.
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match write(&self.real, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => {
                    return Err(TransportError::StdoutClosed {
                        source: io::Error::from(errno).into(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Gives descriptor 1 back, for an embedding program whose start failed before the line.
    pub(crate) fn give_back(self) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        // With the last writer gone, the guard sees the end of the pipe and forgets it.
        *taken = dup2_stdout(&self.real).is_err();
    }
}

fn capture() -> io::Result<RealStdout> {
    // Above the standard three, which a child would take for its own.
    let real = fcntl_dupfd_cloexec(stdout(), 3)?;
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // The reader's own description: writers still block on a full pipe, as the guard empties it.
    fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    guard::capture(reader, super::of_process())?;
    dup2_stdout(&writer)?;
    Ok(RealStdout { real })
}
