use std::{sync::Arc, time::Duration};

use rpcplugin_core::{SecurityError, limits};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    ServerStream, ServerTls, TlsInfo,
    client::ALPN,
    failure::{self, Failure, Side},
    first_bytes::FirstBytes,
    pin::Seen,
};

/// Secures the connections that a plugin accepts; cheap to clone.
///
/// Call [`accept`](Self::accept) in a task for each connection, never in the accept loop: a peer
/// that stays silent then delays nobody else.
#[derive(Clone, Debug)]
pub struct TlsAcceptor {
    tls: Arc<ServerTls>,
    timeout: Duration,
}

impl TlsAcceptor {
    /// Speaks TLS as `tls` says.
    #[must_use]
    pub fn new(tls: ServerTls) -> Self {
        Self { tls: Arc::new(tls), timeout: limits::CONNECTION_TIMEOUT }
    }

    /// The time for one handshake: 5 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Completes the handshake on a connection.
    ///
    /// Dropping the future closes the connection. A peer that is refused is told so by an alert;
    /// the connection then stays open until it has gone, for half a second at most, because
    /// closing at once may destroy the alert before it is read.
    ///
    /// # Errors
    ///
    /// - `SECURITY_CLIENT_REFUSED`: no client certificate, or another one than the host's.
    /// - `SECURITY_BAD_SIGNATURE`: the host's certificate without its key.
    /// - `SECURITY_NOT_TLS`: the first bytes are something else, or there are none at all, as
    ///   with a probe that connects and closes.
    /// - `SECURITY_TLS_HANDSHAKE`: any other failure; the host refused our certificate, no
    ///   agreement on `h2`, or the time ran out.
    pub async fn accept<IO>(&self, io: IO) -> Result<ServerStream<IO>, SecurityError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let seen = Arc::new(Seen::default());
        let acceptor = tokio_rustls::TlsAcceptor::from(self.tls.config(&seen));
        let accepting = acceptor.accept(FirstBytes::new(io)).into_fallible();
        let tls = match timeout(self.timeout, accepting).await {
            Ok(Ok(tls)) => tls,
            Ok(Err((error, mut io))) => {
                let pinned = self.tls.client_certificate();
                let first = io.first();
                let failure = Failure { side: Side::Server, pinned, seen: &seen, first };
                let error = failure.explain(&error);
                linger(&mut io).await;
                return Err(error);
            }
            Err(_) => return Err(failure::too_slow(self.timeout)),
        };
        let (_, connection) = tls.get_ref();
        if connection.alpn_protocol() != Some(ALPN) {
            // rustls insists on a common protocol only with peers that offer some.
            return Err(failure::no_alpn());
        }
        let info = TlsInfo::new(connection, true);
        Ok(ServerStream::new(tls, info))
    }
}

/// Waits until a refused peer has read why. Closing with its bytes unread would reset the
/// connection, and a reset overtakes the alert.
async fn linger<IO: AsyncRead + AsyncWrite + Unpin>(io: &mut IO) {
    const PATIENCE: Duration = Duration::from_millis(500);
    const MOST: usize = 64 * 1024;
    let drain = async {
        io.shutdown().await?;
        let mut total = 0;
        let mut waste = [0; 1024];
        while total < MOST {
            match io.read(&mut waste).await? {
                0 => break,
                n => total += n,
            }
        }
        Ok::<_, std::io::Error>(())
    };
    // Whatever happens here, the peer was refused already.
    let _ = timeout(PATIENCE, drain).await;
}
