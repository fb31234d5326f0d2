//! Where each side channel has a listener of its own.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use rpcplugin_core::{Address, Error, TransportError, escape_text};
#[cfg(unix)]
use rpcplugin_transport::UnixConnector;
use rpcplugin_transport::{BoxIo, TcpConnector};
use tower_service::Service;

use crate::{Side, offers::Interest};

/// Connects to what the peer announced, as often as a channel asks for it, if this side's policy
/// allows the address at that moment.
///
/// The last of its clones ends the interest in the offer.
#[derive(Clone)]
pub(crate) struct PlainConnector {
    pub(crate) side: Arc<dyn Side>,
    pub(crate) address: Arc<Address>,
    pub(crate) timeout: std::time::Duration,
    pub(crate) interest: Arc<Interest>,
}

impl PlainConnector {
    async fn connect(self) -> Result<TokioIo<BoxIo>, Error> {
        let address = self.side.to_here(&self.address)?;
        let expected = self.side.check(&address)?;
        let uri = Uri::from_static("http://localhost");
        let connected = match &address {
            #[cfg(unix)]
            Address::Unix(path) => {
                let connector = UnixConnector::new(path).expect_peer(expected);
                boxed(connector.timeout(self.timeout).call(uri).await)
            }
            Address::Tcp(address) => {
                let connector = TcpConnector::new(*address).expect_peer(expected);
                boxed(connector.timeout(self.timeout).call(uri).await)
            }
            other => Err(TransportError::InvalidEndpoint {
                address: escape_text(&other.to_string()),
                reason: "this platform cannot connect to it",
            }
            .into()),
        };
        connected.inspect_err(|error| {
            if is_gone(error) {
                self.interest.used();
            }
        })
    }
}

impl Service<Uri> for PlainConnector {
    type Response = TokioIo<BoxIo>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<TokioIo<BoxIo>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Nothing to wait for: each call dials anew.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

fn boxed<T: rpcplugin_transport::Io>(
    connected: Result<TokioIo<T>, Error>,
) -> Result<TokioIo<BoxIo>, Error> {
    connected.map(|io| TokioIo::new(Box::new(io.into_inner()) as BoxIo))
}

/// Whether the listener was removed: nobody will answer there any more.
const fn is_gone(error: &Error) -> bool {
    matches!(
        error,
        Error::Transport {
            source: TransportError::Refused { .. } | TransportError::NotFound { .. },
            ..
        }
    )
}
