use std::time::Duration;

use crate::Builder;

/// How long things may take.
impl Builder {
    /// Bound on the whole start; default 60 s.
    ///
    /// Variable: `PLUGIN_START_TIMEOUT`.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.start_timeout(limit);
        self
    }

    /// Bound from the launch to the complete handshake line; default 60 s.
    ///
    /// Variable: `PLUGIN_HANDSHAKE_TIMEOUT`.
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.handshake_timeout(limit);
        self
    }

    /// Bound on connecting, again on the TLS handshake, and again on the first answer; default
    /// 5 s.
    ///
    /// Variable: `PLUGIN_CONNECTION_TIMEOUT`.
    pub fn connection_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.connection_timeout(limit);
        self
    }

    /// Bound from the handshake line to the first answer; default 10 s.
    ///
    /// Variable: `PLUGIN_CHANNEL_READY_TIMEOUT`.
    pub fn channel_ready_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.channel_ready_timeout(limit);
        self
    }

    /// Deadline of calls that bring none; default none. A stream is a call too and ends with it, so
    /// give those that are to last a deadline of their own. A plugin that stops answering is found by
    /// the liveness probe in any case.
    ///
    /// Variable: `PLUGIN_CLIENT_REQUEST_TIMEOUT`.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.client_request_timeout(limit);
        self
    }

    /// How long [`Client::shutdown`](crate::Client::shutdown) waits for the plugin to end as it was asked to; default 2 s.
    ///
    /// Variable: `PLUGIN_GRPC_GRACE_PERIOD`.
    pub fn grpc_grace_period(mut self, limit: Duration) -> Self {
        self.values = self.values.grpc_grace_period(limit);
        self
    }

    /// How long [`Client::shutdown`](crate::Client::shutdown) waits after SIGTERM; default 1 s.
    ///
    /// Variable: `PLUGIN_TERMINATE_TIMEOUT`.
    pub fn terminate_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.terminate_timeout(limit);
        self
    }
}
