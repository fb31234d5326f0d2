use std::time::Duration;

use rpcplugin_core::limits;

/// Bounds of a [`PluginChannel`](crate::PluginChannel).
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpcplugin_transport::ChannelOptions;
///
/// let options = ChannelOptions::new().connection_timeout(Duration::from_secs(1));
/// assert_eq!(options.max_receive_message_size, 64 * 1024 * 1024);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ChannelOptions {
    /// For connecting, and again for TLS: 5 s. Connector and TLS layer keep it themselves; after
    /// twice this time the channel gives up whatever they do.
    pub connection_timeout: Duration,
    /// Largest reply message in bytes: 64 MiB.
    pub max_receive_message_size: usize,
    /// Largest request message in bytes: 64 MiB.
    pub max_send_message_size: usize,
    /// Deadline of calls that bring none: none.
    pub request_timeout: Option<Duration>,
}

impl ChannelOptions {
    /// The defaults named beside each field.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            connection_timeout: limits::CONNECTION_TIMEOUT,
            max_receive_message_size: limits::MESSAGE,
            max_send_message_size: limits::MESSAGE,
            request_timeout: None,
        }
    }

    /// Gives up connecting after this time.
    #[must_use]
    pub const fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.connection_timeout = timeout;
        self
    }

    /// Refuses larger reply messages.
    #[must_use]
    pub const fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.max_receive_message_size = bytes;
        self
    }

    /// Refuses to send larger messages.
    #[must_use]
    pub const fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.max_send_message_size = bytes;
        self
    }

    /// Gives every call without a deadline this one. Streams count as calls here: open those that
    /// are to last on a channel
    /// [`without_request_timeout`](crate::PluginChannel::without_request_timeout).
    #[must_use]
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout);
        self
    }
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self::new()
    }
}
