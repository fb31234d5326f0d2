use std::time::Duration;

use rpcplugin_core::{ConfigError, limits};
use rpcplugin_transport::ChannelOptions;

/// Bounds of a [`Broker`](crate::Broker).
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpcplugin_broker::BrokerOptions;
///
/// let options = BrokerOptions::new().timeout(Duration::from_secs(1));
/// assert_eq!(options.max_pending, 1024);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BrokerOptions {
    /// How long `serve` and `dial` wait for the other side: 5 s. Connecting and TLS keep their own
    /// limits.
    pub timeout: Duration,
    /// Offers of the peer that are kept while nobody claims them, or, multiplexed, its knocks
    /// whose stream has not come: 1024.
    pub max_pending: usize,
    /// How long calls in progress may go on after what answers them was closed: 2 s.
    pub grace: Duration,
    /// Bounds of the channels that [`dial`](crate::Broker::dial) makes.
    pub channel: ChannelOptions,
}

impl BrokerOptions {
    /// The defaults named beside each field.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            timeout: limits::BROKER_TIMEOUT,
            max_pending: limits::BROKER_PENDING,
            grace: limits::GRACE,
            channel: ChannelOptions::new(),
        }
    }

    /// Gives up waiting for the other side after this time.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Keeps so many unclaimed offers.
    #[must_use]
    pub const fn max_pending(mut self, offers: usize) -> Self {
        self.max_pending = offers;
        self
    }

    /// Cuts calls so long after what answers them was closed.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Bounds the channels that are dialled.
    #[must_use]
    pub fn channel(mut self, options: ChannelOptions) -> Self {
        self.channel = options;
        self
    }
}

impl BrokerOptions {
    /// Whether every value lies in its range.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` with the setting and its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (least, most) = (Duration::from_millis(100), Duration::from_secs(300));
        if !(least..=most).contains(&self.timeout) {
            return Err(ConfigError::Invalid {
                setting: "broker_timeout",
                value: format!("{:?}", self.timeout),
                expected: "0.1 s to 300 s",
            });
        }
        if !(1..=65_536).contains(&self.max_pending) {
            return Err(ConfigError::Invalid {
                setting: "broker_max_pending",
                value: self.max_pending.to_string(),
                expected: "1 to 65536 offers",
            });
        }
        Ok(())
    }
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self::new()
    }
}
