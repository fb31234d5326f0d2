//! What both kinds of socket do about a failed `accept`.

use std::{io, time::Duration};

use tokio::time::Instant;

/// Keeps a loop round `accept` from spinning while descriptors or memory are short.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    until: Option<Instant>,
}

impl Backoff {
    /// How long one shortage keeps the next `accept` waiting. The connection stays in the
    /// backlog meanwhile.
    const PAUSE: Duration = Duration::from_millis(50);

    /// Waits out what the last error asked for. Cancel-safe.
    pub(crate) async fn ready(&mut self) {
        if let Some(until) = self.until {
            tokio::time::sleep_until(until).await;
            self.until = None;
        }
    }

    /// Sorts an error: `None` if the next connection can be taken at once.
    pub(crate) fn on_error(&mut self, error: io::Error) -> Option<io::Error> {
        match error.kind() {
            // The peer gave up while it waited in the backlog.
            io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted => None,
            _ => {
                self.until = Some(Instant::now() + Self::PAUSE);
                Some(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shortage_of_descriptors_delays_the_next_accept() {
        let mut backoff = Backoff::default();
        let before = Instant::now();
        backoff.ready().await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert!(backoff.on_error(io::Error::other("EMFILE")).is_some());
        backoff.ready().await;
        assert!(before.elapsed() >= Backoff::PAUSE);
    }

    #[test]
    fn a_peer_that_gave_up_is_nobodys_error() {
        let mut backoff = Backoff::default();
        assert!(backoff.on_error(io::ErrorKind::ConnectionAborted.into()).is_none());
        assert!(backoff.until.is_none());
    }
}
