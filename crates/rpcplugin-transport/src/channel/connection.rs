use std::{future::poll_fn, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rpcplugin_core::{Error, TransportError, limits};
use tokio::sync::oneshot;

use super::{call::RequestBody, fate::Fate, watched::Watched};
use crate::{BoxIo, Connector, Generation, connector::timed_out};

/// A connector without its type, so that HTTP/2 is compiled once for all of them.
pub(super) type Dial = Box<dyn Fn() -> BoxFuture<'static, Result<BoxIo, Error>> + Send + Sync>;

pub(super) fn dial_with<C: Connector>(connector: C) -> Dial {
    Box::new(move || {
        let mut connector = connector.clone();
        Box::pin(async move {
            poll_fn(|cx| connector.poll_ready(cx)).await?;
            let io = connector.call(Uri::from_static("http://localhost")).await?;
            Ok(Box::new(io.into_inner()) as BoxIo)
        })
    })
}

/// One HTTP/2 connection. It closes once all its clones and all its calls are gone.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<RequestBody>,
    pub(super) fate: Arc<Fate>,
}

impl Connection {
    /// Dials and sets HTTP/2 up on this side, without waiting for a word from the peer.
    ///
    /// Connector and TLS have `limit` each, and keep it themselves; this is for those that do not.
    pub(super) async fn establish(
        dial: &Dial,
        limit: Duration,
        generation: &Generation,
    ) -> Result<Self, Error> {
        let twice = limit.saturating_mul(2);
        let reached = async {
            let io = dial().await?;
            Self::over(io, generation.clone()).await
        };
        tokio::select! {
            biased;
            _ = generation.wait() => Err(generation
                .error()
                .map_or(TransportError::ShutDown, Arc::unwrap_or_clone)
                .into()),
            connected = tokio::time::timeout(twice, reached) => {
                connected.unwrap_or_else(|_| Err(timed_out(twice)))
            }
        }
    }

    /// Whether a call may be sent on it.
    pub(super) fn is_usable(&self) -> bool {
        !self.sender.is_closed() && !self.fate.is_sealed()
    }

    async fn over(io: BoxIo, generation: Generation) -> Result<Self, Error> {
        let fate = Arc::new(Fate::default());
        let (open, closed) = oneshot::channel();
        let io = TokioIo::new(Watched::new(io, fate.clone(), open));
        let (sender, driver) = match http2_settings().handshake(io).await {
            Ok(parts) => parts,
            Err(error) => {
                fate.lost(error.to_string(), None);
                return Err(Fate::into_error(fate).into());
            }
        };
        let ended = fate.clone();
        tokio::spawn(async move {
            // Its result is known to the calls, each of which has its own share of it.
            let drive = async { drop(driver.await) };
            tokio::join!(drive, sever_at_end(generation, ended, closed));
        });
        Ok(Self { sender, fate })
    }
}

/// Ends a connection soon after its generation, unless it closes before.
async fn sever_at_end(generation: Generation, fate: Arc<Fate>, closed: oneshot::Receiver<()>) {
    /// For replies that the plugin sent before it ended: they are in the socket already.
    const LAST_WORDS: Duration = Duration::from_millis(50);
    tokio::select! {
        // Never sent, only dropped.
        _ = closed => {}
        () = async {
            generation.wait().await;
            tokio::time::sleep(LAST_WORDS).await;
        } => fate.over(),
    }
}

/// Wide windows, and tight bounds on what a peer can make us keep. No keep-alive pings: a Go
/// server hangs up on them.
fn http2_settings() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .max_frame_size(limits::FRAME)
        .max_send_buf_size(limits::SEND_BUFFER)
        .max_header_list_size(limits::HEADER_LIST)
        .max_concurrent_reset_streams(limits::LOCAL_RESETS)
        .max_pending_accept_reset_streams(limits::PENDING_RESETS)
        .max_local_error_reset_streams(limits::LOCAL_RESETS);
    builder
}
