use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use rpcplugin_core::{Error, TransportError};
use rpcplugin_transport::BoxIo;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tower_service::Service;

use super::{Multiplexer, driver, knock};
use crate::{ServiceId, shared::Shared};

/// Opens main connections on a multiplexed one, whatever [`Uri`] it is asked for.
#[derive(Clone, Debug)]
pub struct MainConnector {
    multiplexer: Multiplexer,
}

impl MainConnector {
    pub(super) const fn new(multiplexer: Multiplexer) -> Self {
        Self { multiplexer }
    }

    async fn connect(self) -> Result<TokioIo<BoxIo>, Error> {
        let (reply, opened) = oneshot::channel();
        let turn = self.multiplexer.turn().await;
        let place = self.multiplexer.place()?;
        self.multiplexer.open(Some(turn), Some(place), reply);
        // No answer: the session ended meanwhile.
        opened.await.unwrap_or_else(|_| Err(driver::lost())).map(TokioIo::new)
    }
}

/// Connects to what the peer serves under a number, as often as a channel asks for it: each time
/// it knocks first.
#[derive(Clone)]
pub(crate) struct KnockConnector {
    pub(crate) shared: Arc<Shared>,
    pub(crate) multiplexer: Multiplexer,
    pub(crate) id: ServiceId,
}

impl KnockConnector {
    async fn connect(self) -> Result<TokioIo<BoxIo>, Error> {
        let limit = self.shared.options.timeout;
        let deadline = Instant::now() + limit;
        let link = self.shared.session(deadline).await?;
        let knocking = async {
            match knock::dial(&self.multiplexer, &link, self.id, limit).await {
                Some(done) => done,
                // The broker's stream goes with the connection, and knows what that means.
                None => std::future::pending().await,
            }
        };
        let in_time = async {
            timeout_at(deadline, knocking).await.unwrap_or_else(|_| {
                Err(TransportError::BrokerTimeout { id: self.id.get(), limit }.into())
            })
        };
        self.shared.during(&link, in_time).await.map(TokioIo::new)
    }
}

impl Service<Uri> for MainConnector {
    type Response = TokioIo<BoxIo>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<TokioIo<BoxIo>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Turns are waited for in each call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

impl Service<Uri> for KnockConnector {
    type Response = TokioIo<BoxIo>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<TokioIo<BoxIo>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Turns are waited for in each call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}
