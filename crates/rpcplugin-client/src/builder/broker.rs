use std::time::Duration;

use crate::Builder;

/// The broker of [`Client::broker`](crate::Client::broker).
impl Builder {
    /// How long serving and dialling a side channel wait for the plugin; default 5 s.
    pub fn broker_timeout(mut self, limit: Duration) -> Self {
        self.settings.broker = self.settings.broker.timeout(limit);
        self
    }

    /// Side channels of the plugin that are remembered while nobody dials them; default 1024.
    pub fn broker_max_pending(mut self, offers: usize) -> Self {
        self.settings.broker = self.settings.broker.max_pending(offers);
        self
    }
}
