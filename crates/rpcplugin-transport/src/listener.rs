use std::{fmt, io};

use futures_util::future::BoxFuture;
use rpcplugin_core::Address;

use crate::{BoxIo, Peer};

/// Where a plugin waits for its host, or one side for the other's brokered connections.
///
/// The library's own listeners are implementations like any other.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::{Accepted, Listener};
///
/// async fn first(listener: &mut dyn Listener) -> std::io::Result<Accepted> {
///     listener.accept().await
/// }
/// ```
pub trait Listener: Send + 'static {
    /// What the handshake line announces.
    fn address(&self) -> Address;

    /// Waits for the next connection.
    ///
    /// Cancel-safe: dropping the future loses no connection.
    ///
    /// # Errors
    ///
    /// The system's reason. One failed connection must not end the loop of the caller: it may go
    /// on after any error, and an implementation must not fail again at once for lack of
    /// descriptors or memory, but wait a little before it tries.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>>;
}

impl<L: Listener + ?Sized> Listener for Box<L> {
    fn address(&self) -> Address {
        (**self).address()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        (**self).accept()
    }
}

/// A connection that a [`Listener`] took in.
#[non_exhaustive]
pub struct Accepted {
    /// Its bytes.
    pub io: BoxIo,
    /// Who is at the other end.
    pub peer: Peer,
    proof: Proof,
}

/// Whoever must know that the peer of a connection has proved itself; often nobody.
#[derive(Default)]
#[must_use = "somebody may wait for the proof"]
pub struct Proof(Option<Box<dyn FnOnce() + Send>>);

impl Accepted {
    /// A connection from this peer; [`Peer::default`] if the system does not tell who it is.
    #[must_use]
    pub fn new(io: impl crate::Io, peer: Peer) -> Self {
        Self { io: Box::new(io), peer, proof: Proof::default() }
    }

    /// Has this called once the peer has proved itself; it never is if the peer does not.
    #[must_use]
    pub fn on_proof(mut self, told: impl FnOnce() + Send + 'static) -> Self {
        self.proof = Proof(Some(Box::new(told)));
        self
    }

    /// Takes out whom to tell of the peer's proof.
    pub fn take_proof(&mut self) -> Proof {
        std::mem::take(&mut self.proof)
    }
}

impl Proof {
    /// The peer has proved itself: TLS is up where it was agreed on, else it speaks HTTP/2.
    pub fn given(self) {
        if let Some(told) = self.0 {
            told();
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("awaited", &self.0.is_some()).finish()
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("peer", &self.peer).finish_non_exhaustive()
    }
}
