use std::time::Duration;

use crate::Server;

/// The broker of [`Context::broker`](crate::Context::broker).
impl Server {
    /// How long serving and dialling a side channel wait for the host: 5 s.
    pub fn broker_timeout(mut self, limit: Duration) -> Self {
        self.settings.broker = self.settings.broker.timeout(limit);
        self
    }

    /// Side channels of the host that are remembered while nobody dials them: 1024.
    pub fn broker_max_pending(mut self, offers: usize) -> Self {
        self.settings.broker = self.settings.broker.max_pending(offers);
        self
    }
}
