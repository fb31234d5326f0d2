use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rpcplugin_core::{Error, Phase, TransportError, limits};
use tokio::io::{AsyncRead, AsyncWrite};
use tower_layer::Layer;

use crate::{
    ClientStream, ClientTls, TlsConnector, TlsInfo,
    client::ALPN,
    failure::{self, Failure, Side},
    first_bytes::FirstBytes,
    pin::Seen,
};

/// Secures the connections of any connector.
///
/// Clones share what [`info`](Self::info) tells.
///
/// # Example
///
/// Mutual TLS over two ends of a pipe:
///
/// ```
/// use rpcplugin_tls::{ClientTls, Identity, IdentityParams, ServerTls, TlsAcceptor, TlsLayer};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let host = Identity::generate(&IdentityParams::default())?;
/// let plugin = Identity::generate(&IdentityParams::default())?;
/// let layer = TlsLayer::new(ClientTls::pinned(&host, plugin.certificate())?);
/// let acceptor = TlsAcceptor::new(ServerTls::pinned(&plugin, host.certificate())?);
///
/// let (near, far) = tokio::io::duplex(16 * 1024);
/// let (client, server) = tokio::join!(layer.connect(near), acceptor.accept(far));
/// let (mut client, mut server) = (client?, server?);
///
/// client.write_all(b"hello").await?;
/// let mut heard = [0; 5];
/// server.read_exact(&mut heard).await?;
/// assert_eq!(&heard, b"hello");
///
/// let info = layer.info().expect("a handshake was made");
/// assert_eq!(info.version, "TLS 1.3");
/// assert!(info.client_certificate_requested);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsLayer {
    tls: ClientTls,
    timeout: Duration,
    latest: Arc<Mutex<Option<TlsInfo>>>,
}

impl TlsLayer {
    /// Speaks TLS as `tls` says.
    #[must_use]
    pub fn new(tls: ClientTls) -> Self {
        Self { tls, timeout: limits::CONNECTION_TIMEOUT, latest: Arc::default() }
    }

    /// The time for one handshake: 5 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What the latest successful handshake agreed on; `None` before the first.
    #[must_use]
    pub fn info(&self) -> Option<TlsInfo> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Speaks TLS over a connection that is there already.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    ///
    /// - `SECURITY_PIN_MISMATCH`, `SECURITY_BAD_SIGNATURE`: the server presents another
    ///   certificate, or does not hold its key.
    /// - `SECURITY_CERT_UNTRUSTED`, `SECURITY_CERT_EXPIRED`: under an operator's roots, its
    ///   certificate fails a check.
    /// - `SECURITY_NOT_TLS`: its first bytes are something else, or it closes without any.
    /// - `SECURITY_CLIENT_REFUSED`: it does not accept our certificate (TLS 1.2; in TLS 1.3 this
    ///   comes with the first read, see [`explain`](crate::explain)).
    /// - `SECURITY_TLS_HANDSHAKE`: any other failure, no agreement on `h2` included.
    /// - `TRANSPORT_CONNECT_TIMEOUT`, phase `tls`: the time ran out.
    pub async fn connect<IO>(&self, io: IO) -> Result<ClientStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        match tokio::time::timeout(self.timeout, self.handshake(io)).await {
            Ok(done) => done,
            Err(_) => {
                Err(TransportError::ConnectTimeout { phase: Phase::Tls, limit: self.timeout }
                    .into())
            }
        }
    }

    async fn handshake<IO>(&self, io: IO) -> Result<ClientStream<IO>, Error>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let seen = Arc::new(Seen::default());
        let connector = tokio_rustls::TlsConnector::from(self.tls.config(&seen));
        let tls = connector
            .connect(self.tls.server_name(), FirstBytes::new(io))
            .into_fallible()
            .await
            .map_err(|(error, io)| {
                let pinned = self.tls.server_certificate();
                let first = io.first();
                Failure { side: Side::Client, pinned, seen: &seen, first }.explain(&error)
            })?;
        let (_, connection) = tls.get_ref();
        if connection.alpn_protocol() != Some(ALPN) {
            return Err(failure::no_alpn().into());
        }
        if seen.asked_for_ours() && !seen.took_ours() {
            return Err(failure::handshake(
                "plugin asks for our certificate, and knows no signature that our key can make"
                    .into(),
            )
            .into());
        }
        let info = TlsInfo::new(connection, seen.asked_for_ours());
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.clone());
        Ok(ClientStream::new(tls, info))
    }
}

impl fmt::Debug for TlsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsLayer")
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .field("info", &self.info())
            .finish()
    }
}

impl<C> Layer<C> for TlsLayer {
    type Service = TlsConnector<C>;

    fn layer(&self, inner: C) -> TlsConnector<C> {
        TlsConnector::new(inner, self.clone())
    }
}
