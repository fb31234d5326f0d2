use crate::Builder;

impl Builder {
    /// Carries everything on one connection: main connections, and the side channels of the
    /// broker, which then need no sockets of their own; off by default.
    ///
    /// The plugin must support it (go-plugin since 1.6.0 does), or the start fails with
    /// `HANDSHAKE_MUX_UNSUPPORTED`. It excludes [`detach`](Self::detach).
    ///
    /// Variable: `PLUGIN_HOST_MULTIPLEX_GRPC`.
    pub fn multiplex_grpc(mut self, on: bool) -> Self {
        self.values = self.values.host_multiplex_grpc(on);
        self
    }
}
