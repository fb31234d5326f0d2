//! From an accepted connection to answered calls.

use std::{io, sync::Arc, time::Duration};

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rpcplugin_core::limits;
use rpcplugin_transport::{Accepted, Listener};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{open::Open, pending::Pending, preface::read_preface};
use crate::{dispatch::Dispatcher, security::Security};

mod authority;
mod forward_write;
mod open;
mod pending;
mod preface;

/// How connections are served.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) security: Arc<Security>,
    /// Peers of other users are welcome, because a socket group opened the socket to them.
    pub(crate) any_user: bool,
    pub(crate) max_streams: u32,
    pub(crate) tasks: TaskTracker,
    /// Ends the accept loop.
    pub(crate) stopping: CancellationToken,
    /// Asks each connection to end once its calls have; those without a call yet end at once.
    pub(crate) closing: CancellationToken,
    /// Ends each connection as it is.
    pub(crate) cut: CancellationToken,
}

impl Connections {
    /// Accepts until the stop begins, each connection in a task of its own; then drops the
    /// listener, which removes its socket.
    pub(crate) async fn accept(self, mut listener: Box<dyn Listener>) {
        let (pending, open) = (Pending::default(), Open::default());
        while let Some(accepted) = self.stopping.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok(accepted) => {
                    let serving = self.clone().serve(accepted, pending.clone(), open.clone());
                    self.tasks.spawn(serving);
                }
                Err(error) => tracing::warn!(%error, "could not accept a connection"),
            }
        }
    }

    /// Serves one connection to its end. No failure of one disturbs another.
    async fn serve(self, accepted: Accepted, pending: Pending, open: Open) {
        let cut = self.cut.clone();
        let served = async {
            // Until it has proved itself, a connection is one of a bounded number, and nothing
            // that a stop waits for.
            let proof = pending.enter().hold(self.prove(accepted));
            match self.closing.run_until_cancelled(proof).await {
                None => tracing::debug!("dropped a connection that had said nothing yet"),
                Some(None) => {
                    tracing::debug!("dropped a connection: too many that have said nothing yet");
                }
                Some(Some(Ok(io))) => {
                    if let Some(_place) = open.enter() {
                        self.http2(io).await;
                    }
                }
                Some(Some(Err(reason))) => tracing::debug!(%reason, "dropped a connection"),
            }
        };
        cut.run_until_cancelled(served).await;
    }

    /// The right user; then TLS where it was agreed on, else the preface of HTTP/2, each within a
    /// time limit.
    async fn prove(&self, accepted: Accepted) -> Result<rpcplugin_transport::BoxIo, String> {
        let Accepted { io, peer, .. } = accepted;
        if !self.any_user {
            let peer = peer.looked_up().await;
            if !peer.is_same_user() {
                tracing::warn!(?peer, "refused a connection of another user");
                return Err("it is another user's".to_owned());
            }
        }
        match &*self.security {
            Security::Plaintext => match read_preface(io).await {
                Ok(io) => Ok(Box::new(io)),
                Err(error) => Err(error.to_string()),
            },
            #[cfg(feature = "tls")]
            Security::Tls(tls) => match tls.acceptor.accept(io).await {
                Ok(io) => Ok(Box::new(io)),
                Err(error) => {
                    refused(&error);
                    Err(error.to_string())
                }
            },
        }
    }

    async fn http2(&self, io: rpcplugin_transport::BoxIo) {
        let mut http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.max_streams)
            .max_header_list_size(limits::HEADER_LIST)
            .max_pending_accept_reset_streams(limits::PENDING_RESETS)
            .max_local_error_reset_streams(limits::LOCAL_RESETS)
            .initial_stream_window_size(limits::STREAM_WINDOW)
            .initial_connection_window_size(limits::CONNECTION_WINDOW)
            .max_frame_size(limits::FRAME)
            .max_send_buf_size(limits::SEND_BUFFER)
            // A host may be stopped in a debugger for hours; its end shows elsewhere. Its own
            // pings are answered at any rate.
            .keep_alive_interval(None)
            .auto_date_header(false);
        let serving = http2.serve_connection(TokioIo::new(io), self.dispatcher.clone());
        let mut serving = std::pin::pin!(serving);
        let served = tokio::select! {
            served = &mut serving => served,
            () = self.closing.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// A peer that is no host of ours is news; a probe that closes without a byte is not.
#[cfg(feature = "tls")]
fn refused(error: &rpcplugin_core::SecurityError) {
    use rpcplugin_core::SecurityError;
    if matches!(error, SecurityError::ClientRefused { .. } | SecurityError::BadSignature { .. }) {
        tracing::warn!(target: "rpcplugin::audit", code = error.code(), "{error}");
    }
}

/// Time for a connection's first bytes.
const FIRST_BYTES: Duration = limits::CONNECTION_TIMEOUT;

/// Turns a lost race with the clock into the error of a slow peer.
fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it said nothing in time")
}
