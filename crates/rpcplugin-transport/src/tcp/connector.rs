use std::{net::SocketAddr, time::Duration};

use rpcplugin_core::{Error, TransportError, limits};
use tokio::net::TcpStream;

use crate::{
    ExpectedPeer,
    connector::{dial_error, dialler},
};

/// Connects to one TCP address, whatever [`Uri`](http::Uri) it is asked for, with no-delay on.
///
/// # Errors
///
/// `TRANSPORT_REFUSED`, `TRANSPORT_CONNECT_TIMEOUT`, `TRANSPORT_RESOURCES`, and
/// `SECURITY_PEER_CREDENTIALS` if another process listens than the expected one; then not a byte
/// was sent.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::TcpConnector;
/// use tower_service::Service;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let mut connector = TcpConnector::new(listener.local_addr()?);
/// assert!(connector.call("http://localhost".parse()?).await?.inner().nodelay()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TcpConnector {
    address: SocketAddr,
    expected: ExpectedPeer,
    timeout: Duration,
}

impl TcpConnector {
    /// A connector to this address, for any peer, within 5 s.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, expected: ExpectedPeer::new(), timeout: limits::CONNECTION_TIMEOUT }
    }

    async fn dial(self) -> Result<TcpStream, Error> {
        let Self { address, expected, .. } = self;
        let failed = |error| dial_error(error, &address, || "a firewall may forbid it".into());
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        // With nobody listening, a port of the range that the system hands out can be given
        // to the dialling socket itself, and TCP lets it meet itself there.
        if stream.local_addr().map_err(failed)? == address {
            return Err(TransportError::Refused { address: address.to_string() }.into());
        }
        expected.check_listener(address)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(stream)
    }
}

dialler!(
    TcpConnector,
    TcpStream,
    /// Refuses any other process. On Linux it must hold the listening socket; elsewhere the
    /// system does not tell, and every process passes.
);
