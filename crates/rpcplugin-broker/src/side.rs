use rpcplugin_core::{Address, Error, SecurityError};
use rpcplugin_transport::{ExpectedPeer, Listener};

use crate::{Protection, Reception};

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

    /// How the peer reaches what is `address` here: what is announced of a listener. The same,
    /// unless something lies between the two, such as the border of a container.
    ///
    /// # Errors
    ///
    /// `SECURITY_ADDRESS_FORBIDDEN` for an address that has no place there.
    fn to_peer(&self, address: Address) -> Result<Address, Error> {
        Ok(address)
    }

    /// How this side reaches what the peer calls `address`. Asked before each connection, and
    /// [`check`](Side::check) judges the result.
    ///
    /// # Errors
    ///
    /// `SECURITY_ADDRESS_FORBIDDEN` for an address that has no place here.
    fn to_here(&self, address: &Address) -> Result<Address, Error> {
        Ok(address.clone())
    }

    /// Whether this side dials an address that the peer announced, and who must listen there.
    /// Asked before each connection.
    ///
    /// # Errors
    ///
    /// `SECURITY_ADDRESS_FORBIDDEN`.
    fn check(&self, address: &Address) -> Result<ExpectedPeer, SecurityError>;

    /// How the connections of both directions are protected.
    fn protection(&self) -> Protection;

    /// How the calls on what this side serves are received.
    fn reception(&self) -> Reception;
}
