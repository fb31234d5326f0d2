use std::io;

use tokio::task::JoinHandle;

use crate::{guard::Files, stop::Stop};

#[cfg(unix)]
#[path = "signals/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "signals/windows.rs"]
mod platform;

/// What SIGINT means, and Ctrl-C on Windows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interrupt {
    /// Nothing: a terminal's Ctrl-C reaches the whole group, and the host decides.
    Ignored,
    /// A stop: there is no host.
    Stops,
}

/// Takes care of signals until it is dropped.
#[derive(Debug)]
pub(crate) struct SignalHandling(JoinHandle<()>);

impl SignalHandling {
    /// Begins at once: no signal from here on has its default effect.
    ///
    /// # Errors
    ///
    /// The system's reason.
    pub(crate) fn start(stop: Stop, files: Files, interrupt: Interrupt) -> io::Result<Self> {
        let signals = platform::Signals::new()?;
        Ok(Self(tokio::spawn(signals.handle(stop, files, interrupt))))
    }
}

impl Drop for SignalHandling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends the process at once, leaving no socket behind.
#[expect(clippy::exit, reason = "a second signal means now")]
fn exit(code: i32, files: &Files) -> ! {
    files.remove();
    files.remove_given_after_signal();
    #[cfg(unix)]
    crate::guard::kill_others_after_signal();
    std::process::exit(code)
}
