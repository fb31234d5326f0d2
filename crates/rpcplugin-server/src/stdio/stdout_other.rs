use std::io::{self, Write as _};

use rpcplugin_core::TransportError;

/// The process's standard output, where descriptor 1 cannot be captured: what other code writes
/// after the line reaches the host as stray output.
#[derive(Debug)]
pub(crate) struct RealStdout(());

impl RealStdout {
    pub(crate) fn take() -> Result<Self, TransportError> {
        Ok(Self(()))
    }

    /// Writes the handshake line.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_STDOUT_CLOSED`, such as when the host is gone.
    pub(crate) fn print(self, line: &str) -> Result<(), TransportError> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(line.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|source| TransportError::StdoutClosed { source: source.into() })
    }

    pub(crate) fn give_back(self) {}
}
