use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use rpcplugin_core::forward_write;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{TlsInfo, first_bytes::FirstBytes};

/// A connection that a [`TlsLayer`](crate::TlsLayer) secured.
///
/// In TLS 1.3 the server judges our certificate after our side has finished, so a refusal arrives
/// as an error of the first read; [`explain`](crate::explain) finds it.
pub struct ClientStream<IO> {
    tls: tokio_rustls::client::TlsStream<FirstBytes<IO>>,
    info: TlsInfo,
}

/// A connection that a [`TlsAcceptor`](crate::TlsAcceptor) secured.
pub struct ServerStream<IO> {
    tls: tokio_rustls::server::TlsStream<FirstBytes<IO>>,
    info: TlsInfo,
}

macro_rules! stream {
    ($stream:ident, $inner:ty) => {
        impl<IO> $stream<IO> {
            pub(crate) fn new(tls: $inner, info: TlsInfo) -> Self {
                Self { tls, info }
            }

            /// What the handshake agreed on.
            #[must_use]
            pub fn info(&self) -> &TlsInfo {
                &self.info
            }

            /// The connection below.
            #[must_use]
            pub fn get_ref(&self) -> &IO {
                self.tls.get_ref().0.get_ref()
            }
        }

        impl<IO> fmt::Debug for $stream<IO> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($stream))
                    .field("info", &self.info)
                    .finish_non_exhaustive()
            }
        }

        impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for $stream<IO> {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.tls).poll_read(cx, buf)
            }
        }

        forward_write!([IO: AsyncRead + AsyncWrite + Unpin] $stream<IO>, tls);
    };
}

stream!(ClientStream, tokio_rustls::client::TlsStream<FirstBytes<IO>>);
stream!(ServerStream, tokio_rustls::server::TlsStream<FirstBytes<IO>>);
