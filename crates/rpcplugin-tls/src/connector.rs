use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::rt::TokioIo;
use rpcplugin_core::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use crate::{ClientStream, TlsLayer};

/// A connector whose connections speak TLS; made by [`TlsLayer`].
///
/// Its errors are those of the connector below and of [`TlsLayer::connect`].
#[derive(Clone, Debug)]
pub struct TlsConnector<C> {
    inner: C,
    layer: TlsLayer,
}

impl<C> TlsConnector<C> {
    pub(crate) fn new(inner: C, layer: TlsLayer) -> Self {
        Self { inner, layer }
    }
}

impl<C, IO> Service<Uri> for TlsConnector<C>
where
    C: Service<Uri, Response = TokioIo<IO>, Error: Into<Error>, Future: Send + 'static>,
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Response = TokioIo<ClientStream<IO>>;
    type Error = Error;
    type Future = TlsConnecting<IO>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> TlsConnecting<IO> {
        let connecting = self.inner.call(uri);
        let layer = self.layer.clone();
        TlsConnecting {
            inner: Box::pin(async move {
                let io = connecting.await.map_err(Into::into)?.into_inner();
                layer.connect(io).await.map(TokioIo::new)
            }),
        }
    }
}

type Connected<IO> = Result<TokioIo<ClientStream<IO>>, Error>;

/// A connection that a [`TlsConnector`] is making. Dropping it closes the connection.
pub struct TlsConnecting<IO> {
    inner: Pin<Box<dyn Future<Output = Connected<IO>> + Send>>,
}

impl<IO> Future for TlsConnecting<IO> {
    type Output = Connected<IO>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.inner.as_mut().poll(cx)
    }
}

impl<IO> fmt::Debug for TlsConnecting<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnecting").finish_non_exhaustive()
    }
}
