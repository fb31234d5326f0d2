use std::fmt;

use futures_util::future::BoxFuture;
use rpcplugin_core::{Address, Error, SecurityError};
use rpcplugin_transport::{Accepted, ExpectedPeer, Listener};

use crate::{Protection, ServiceId, services::BrokeredService};

/// Which of the two processes this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// The one that opens the broker's stream.
    Host,
    /// The one that serves it.
    Plugin,
}

/// What a [`Broker`](crate::Broker) needs of the side on which it runs: the same choices as for
/// the main connection.
pub trait Side: Send + Sync + 'static {
    /// Host or plugin.
    fn role(&self) -> Role;

    /// Opens a listener for one side channel: `docs/wire-format.md`. It must listen when this returns,
    /// and leave nothing behind when it is dropped.
    ///
    /// # Errors
    ///
    /// The reasons of the system or of the settings.
    fn listen(&self) -> Result<Box<dyn Listener>, Error>;

    /// Whether a connection that was accepted for a side channel is to be served.
    fn welcomes(&self, connection: &Accepted) -> bool;

    /// Whether this side dials an address that the peer announced, and who must listen there.
    /// Asked before each connection.
    ///
    /// # Errors
    ///
    /// `SECURITY_ADDRESS_FORBIDDEN`.
    fn check(&self, address: &Address) -> Result<ExpectedPeer, SecurityError>;

    /// How the connections that this side dials are protected.
    fn protection(&self) -> Protection;

    /// Serves one connection to its end: TLS as on the main connection with this side as the
    /// server, then HTTP/2. The future is run in a task of its own, and dropped to cut the
    /// connection off.
    fn serve(&self, connection: SideConnection) -> BoxFuture<'static, ()>;
}

/// A connection that was accepted for a side channel, and what is served on it.
#[non_exhaustive]
pub struct SideConnection {
    /// The side channel.
    pub id: ServiceId,
    /// Its bytes, and who dialled.
    pub accepted: Accepted,
    /// What answers its calls. It is called with requests as they come; limits on messages,
    /// deadlines and panics are the caller's to see to.
    pub service: BrokeredService,
    /// Largest message to receive, in bytes, if it is not to be as on the main connection.
    pub max_receive_message_size: Option<usize>,
    /// Largest message to send, in bytes, if it is not to be as on the main connection.
    pub max_send_message_size: Option<usize>,
    /// Ends when the connection is to take no new calls, and to end once those in progress have.
    pub closing: BoxFuture<'static, ()>,
}

impl fmt::Debug for SideConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SideConnection")
            .field("id", &self.id)
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
    }
}
