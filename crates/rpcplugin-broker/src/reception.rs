use rpcplugin_transport::serving::{Calls, Layers};

/// How calls on side channels are received: with the limits of the main connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reception {
    pub(crate) calls: Calls,
    pub(crate) layers: Layers,
    pub(crate) any_user: bool,
    pub(crate) user: Option<u32>,
    pub(crate) max_streams: u32,
}

impl Reception {
    /// Makes each call so, and welcomes peers of this user only.
    #[must_use]
    pub fn new(calls: Calls) -> Self {
        let max_streams = rpcplugin_core::limits::CONCURRENT_STREAMS;
        Self { calls, layers: Layers::new(), any_user: false, user: None, max_streams }
    }

    /// Puts these layers round the services of each side channel; none.
    #[must_use]
    pub fn layers(mut self, layers: Layers) -> Self {
        self.layers = layers;
        self
    }

    /// Whether peers of other users are welcome, because a socket group opened the sockets to
    /// them; no.
    #[must_use]
    pub const fn any_user(mut self, any: bool) -> Self {
        self.any_user = any;
        self
    }

    /// Whether peers of this user are welcome too, because the other side runs as that; no.
    #[must_use]
    pub const fn user(mut self, uid: Option<u32>) -> Self {
        self.user = uid;
        self
    }

    /// Most calls at a time on one connection.
    #[must_use]
    pub const fn max_streams(mut self, most: u32) -> Self {
        self.max_streams = most;
        self
    }
}
