use std::time::Duration;

use tokio::time::Instant;

use super::StdioStream;
use crate::logs;

/// Tells how much of one stream a sink that is too slow has lost: at once, then in sums.
///
/// Dropping it tells the rest.
pub(super) struct Losses {
    stream: StdioStream,
    /// Bytes lost in all.
    lost: u64,
    /// So many of them are told.
    told: u64,
    last: Option<Instant>,
}

impl Losses {
    /// Least time between two warnings.
    const INTERVAL: Duration = Duration::from_secs(10);

    pub(super) fn new(stream: StdioStream) -> Self {
        Self { stream, lost: 0, told: 0, last: None }
    }

    /// Takes note of the bytes lost in all.
    pub(super) fn note(&mut self, lost: u64) {
        self.lost = lost;
        if self.last.is_none_or(|last| last.elapsed() >= Self::INTERVAL) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let lost = self.lost - self.told;
        if lost == 0 {
            return;
        }
        self.told = self.lost;
        self.last = Some(Instant::now());
        let stream = self.stream;
        logs::guarded(|| {
            tracing::warn!(
                ?stream,
                lost,
                "the sink is too slow for the plugin's output: the oldest bytes were lost"
            );
        });
    }
}

impl Drop for Losses {
    fn drop(&mut self) {
        self.tell();
    }
}
