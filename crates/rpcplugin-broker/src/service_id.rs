use std::fmt;

/// The number of a side channel.
///
/// The side that serves it chooses it, and tells the other side in an ordinary message, as the
/// `u32` that it is. The two sides count apart: equal numbers from both do not clash.
///
/// # Example
///
/// ```
/// use rpcplugin_broker::ServiceId;
///
/// let id = ServiceId::from(7);
/// assert_eq!((u32::from(id), id.to_string()), (7, "7".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServiceId(u32);

impl ServiceId {
    /// The number, for a message.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<u32> for ServiceId {
    fn from(id: u32) -> Self {
        Self(id)
    }
}

impl From<ServiceId> for u32 {
    fn from(id: ServiceId) -> Self {
        id.0
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
