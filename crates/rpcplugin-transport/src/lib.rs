//! How the bytes of rpcplugin travel.
//!
//! - [`Listener`] and [`Connector`]: the two ends of a connection. The library's own use Unix
//!   sockets, TCP, and [`memory`] for tests; a user's own pair works as well.
//! - [`Peer`], [`ExpectedPeer`]: who is at the other end, checked before the first byte.
//!
//! **Invariant:** this crate knows neither TLS nor processes. TLS is a layer round a connector.

mod accept;
mod connector;
mod io;
mod listener;
pub mod memory;
mod peer;
mod random;
mod tcp;
#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use self::unix::{PrivateDir, UnixBind, UnixConnector, UnixListener};
pub use self::{
    connector::{Connecting, Connector},
    io::{BoxIo, Io},
    listener::{Accepted, Listener},
    peer::{ExpectedPeer, Peer},
    tcp::{TcpBind, TcpConnector, TcpListener},
};
