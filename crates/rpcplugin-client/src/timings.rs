use std::time::Duration;

/// How long each phase of a start took.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Timings {
    /// Making keys, directory and environment, and starting the process.
    pub spawn: Duration,
    /// From the start of the process to its complete handshake line.
    pub handshake: Duration,
    /// Connecting to the announced address, with the check of its owner.
    pub connect: Duration,
    /// The TLS handshake and that of HTTP/2; the latter alone in plaintext.
    pub tls: Duration,
    /// From the connection to the first answer.
    pub ready: Duration,
}

impl Timings {
    /// The whole start.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.spawn + self.handshake + self.connect + self.tls + self.ready
    }
}
