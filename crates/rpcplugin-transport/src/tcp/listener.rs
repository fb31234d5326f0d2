use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use futures_util::future::BoxFuture;
use rpcplugin_core::{Address, Error, TransportError, env::PortRange};
use tokio::net::TcpStream;

use crate::{Accepted, Listener, Peer, accept::Backoff, random};

/// Where a [`TcpListener`] is to listen: by default a port of the system's choice on `127.0.0.1`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TcpBind {
    /// The address of this machine.
    pub ip: IpAddr,
    /// The ports to choose from.
    pub ports: PortRange,
}

impl TcpBind {
    /// One of these ports at this address.
    #[must_use]
    pub const fn new(ip: IpAddr, ports: PortRange) -> Self {
        Self { ip, ports }
    }
}

impl Default for TcpBind {
    fn default() -> Self {
        Self::new(Ipv4Addr::LOCALHOST.into(), PortRange::System)
    }
}

/// Accepts TCP connections, with no-delay on.
///
/// It was bound once and keeps that socket until it is dropped.
#[derive(Debug)]
pub struct TcpListener {
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    backoff: Backoff,
}

impl TcpListener {
    /// Listens at a port of the range, tried in random order, each once.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_BIND_FAILED` with each attempt and its reason (of a long range the first ones,
    /// and a count of the rest).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_transport::{Listener, TcpBind, TcpListener};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpcplugin_core::Error> {
    /// let listener = TcpListener::bind(&TcpBind::default())?;
    /// assert!(listener.address().to_string().starts_with("127.0.0.1:"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(bind: &TcpBind) -> Result<Self, Error> {
        let mut attempts = Attempts::default();
        match &bind.ports {
            PortRange::Within(ports) => {
                let (first, last) = (u32::from(*ports.start()), u32::from(*ports.end()));
                let order = random::order((last + 1).saturating_sub(first))
                    .map_err(|source| TransportError::Resources { source: source.into() })?;
                for step in order {
                    let port = u16::try_from(first + step).unwrap_or(*ports.end());
                    match Self::at(SocketAddr::new(bind.ip, port)) {
                        Ok(listener) => return Ok(listener),
                        Err(error) => attempts.add(bind.ip, port, &error),
                    }
                }
            }
            _ => match Self::at(SocketAddr::new(bind.ip, 0)) {
                Ok(listener) => return Ok(listener),
                Err(error) => attempts.add(bind.ip, 0, &error),
            },
        }
        Err(attempts.into_error().into())
    }

    /// The next connection, with no-delay on, and where it comes from.
    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.backoff.ready().await;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // It fails only on a connection that is gone already; reading it says so.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, peer));
                }
                Err(error) => {
                    if let Some(error) = self.backoff.on_error(error) {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn at(address: SocketAddr) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self { listener, address, backoff: Backoff::default() })
    }
}

impl Listener for TcpListener {
    fn address(&self) -> Address {
        Address::Tcp(self.address)
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            let (stream, peer) = self.next().await?;
            let own = stream.local_addr().unwrap_or(self.address);
            Ok(Accepted::new(stream, Peer::of_tcp(peer, own)))
        })
    }
}

/// Failed attempts to bind, for the error.
#[derive(Default)]
struct Attempts {
    shown: Vec<String>,
    more: usize,
}

impl Attempts {
    /// A range may hold 65 535 ports; nobody reads that many lines.
    const SHOWN: usize = 16;

    fn add(&mut self, ip: IpAddr, port: u16, error: &io::Error) {
        if self.shown.len() < Self::SHOWN {
            self.shown.push(format!("{}: {error}", SocketAddr::new(ip, port)));
        } else {
            self.more += 1;
        }
    }

    fn into_error(mut self) -> TransportError {
        if self.more > 0 {
            self.shown.push(format!("{} more ports of the range failed too", self.more));
        }
        TransportError::BindFailed { attempts: self.shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_accepted_connection_has_no_delay() {
        let mut listener = TcpListener::bind(&TcpBind::default()).unwrap();
        let _dialled = TcpStream::connect(listener.address).await.unwrap();
        let (accepted, _) = listener.next().await.unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}
