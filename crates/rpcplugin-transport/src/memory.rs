//! Both ends in one process, for tests: no socket, no file.
//!
//! # Example
//!
//! ```
//! use rpcplugin_transport::{Listener, memory};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tower_service::Service;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut connector, mut listener) = memory::pair();
//! let (host, plugin) = tokio::join!(connector.call("http://localhost".parse()?), listener.accept());
//! host?.into_inner().write_all(b"hello").await?;
//! let mut read = [0; 5];
//! plugin?.io.read_exact(&mut read).await?;
//! assert_eq!(&read, b"hello");
//! # Ok(())
//! # }
//! ```

use std::{
    io,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::Uri;
use rpcplugin_core::{Address, Error, TransportError, limits};
use tokio::{
    io::DuplexStream,
    sync::mpsc::{self, Receiver, Sender},
};
use tower_service::Service;

use crate::{Accepted, Connecting, Listener, Peer};

/// A connector and the only listener that it reaches.
///
/// Each connection buffers up to 64 KiB in each direction, and up to 16 wait to be accepted.
#[must_use]
pub fn pair() -> (MemoryConnector, MemoryListener) {
    let (sender, receiver) = mpsc::channel(16);
    (MemoryConnector { sender }, MemoryListener { receiver })
}

/// Connects to the [`MemoryListener`] that it was made with. `TRANSPORT_REFUSED` once that is
/// dropped.
#[derive(Clone, Debug)]
pub struct MemoryConnector {
    sender: Sender<DuplexStream>,
}

impl Service<Uri> for MemoryConnector {
    type Response = hyper_util::rt::TokioIo<DuplexStream>;
    type Error = Error;
    type Future = Connecting<DuplexStream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Nothing to wait for: each call dials anew.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let sender = self.sender.clone();
        Connecting::new(limits::CONNECTION_TIMEOUT, async move {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            sender
                .send(theirs)
                .await
                .map_err(|_| TransportError::Refused { address: ADDRESS.to_owned() })?;
            Ok(ours)
        })
    }
}

/// Accepts what its [`MemoryConnector`] dials.
#[derive(Debug)]
pub struct MemoryListener {
    receiver: Receiver<DuplexStream>,
}

impl Listener for MemoryListener {
    /// A name for messages; nothing listens there.
    fn address(&self) -> Address {
        Address::Unix(ADDRESS.into())
    }

    /// Stays pending once every connector is gone, as a socket would.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            match self.receiver.recv().await {
                Some(io) => Ok(Accepted::new(io, Peer::ourselves())),
                None => std::future::pending().await,
            }
        })
    }
}

const ADDRESS: &str = "/in-memory";
