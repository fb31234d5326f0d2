use std::time::Duration;

use crate::Builder;

/// The broker of [`Client::broker`](crate::Client::broker).
impl Builder {
    /// How long serving and dialling a side channel wait for the plugin; default 5 s.
    ///
    /// Variable: `PLUGIN_BROKER_TIMEOUT`.
    pub fn broker_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.broker_timeout(limit);
        self
    }

    /// Side channels of the plugin that are remembered while nobody dials them; default 1024.
    ///
    /// Variable: `PLUGIN_BROKER_MAX_PENDING`.
    pub fn broker_max_pending(mut self, offers: usize) -> Self {
        self.values = self.values.broker_max_pending(offers);
        self
    }
}
