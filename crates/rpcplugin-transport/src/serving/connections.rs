use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rpcplugin_core::{Noise, limits};
use tonic::body::Body;

use super::{Endings, Gate, open::Open, pending::Pending};
use crate::{Accepted, BoxIo, Listener};

/// What answers the calls of a connection; clones are the same.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Answers one call. Dropping the future ends the call.
    fn answer(&self, request: http::Request<Body>) -> BoxFuture<'static, http::Response<Body>>;
}

/// How connections are served.
#[derive(Clone)]
pub struct Connections<A> {
    answer: A,
    gate: Arc<dyn Gate>,
    any_user: bool,
    user: Option<u32>,
    max_streams: u32,
    keepalive: Option<(Duration, Duration)>,
    endings: Endings,
    /// Connections of other users.
    foreign: Noise,
}

impl<A: Answer> Connections<A> {
    /// Answers the calls of whoever passes the gate.
    #[must_use]
    pub fn new(answer: A, gate: impl Gate, endings: Endings) -> Self {
        let gate = Arc::new(gate);
        let max_streams = limits::CONCURRENT_STREAMS;
        Self {
            answer,
            gate,
            any_user: false,
            user: None,
            max_streams,
            keepalive: None,
            endings,
            foreign: Noise::default(),
        }
    }

    /// Whether peers of other users are welcome, because a socket group opened the socket to them;
    /// no.
    #[must_use]
    pub fn any_user(mut self, any: bool) -> Self {
        self.any_user = any;
        self
    }

    /// Whether peers of this user are welcome too, because the other side runs as that; no.
    #[must_use]
    pub fn user(mut self, uid: Option<u32>) -> Self {
        self.user = uid;
        self
    }

    /// Most calls at a time on one connection; [`limits::CONCURRENT_STREAMS`].
    #[must_use]
    pub fn max_streams(mut self, most: u32) -> Self {
        self.max_streams = most;
        self
    }

    /// Probes a peer that has been silent for the first of these times, and cuts the connection if
    /// no answer comes within the second; no.
    ///
    /// A peer may be stopped in a debugger for hours, and its end shows elsewhere.
    #[must_use]
    pub fn keepalive(mut self, times: Option<(Duration, Duration)>) -> Self {
        self.keepalive = times;
        self
    }

    /// Accepts until the stop begins, each connection in a task of its own; then drops the
    /// listener, which removes its socket.
    ///
    /// Dropping the future drops the listener, too, and leaves the connections.
    pub async fn accept(self, mut listener: Box<dyn Listener>) {
        let (pending, open) = (Pending::default(), Open::default());
        let stopping = self.endings.stopping().clone();
        while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok(accepted) => {
                    let serving = self.clone().serve(accepted, pending.clone(), open.clone());
                    self.endings.tasks().spawn(serving);
                }
                Err(error) => tracing::warn!(%error, "could not accept a connection"),
            }
        }
    }

    /// Serves one connection to its end. No failure of one disturbs another.
    async fn serve(self, accepted: Accepted, pending: Pending, open: Open) {
        let served = async {
            // Until it has proved itself, a connection is one of a bounded number, and nothing
            // that a stop waits for.
            let proof = pending.enter().hold(self.prove(accepted));
            match self.endings.closing().run_until_cancelled(proof).await {
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
        self.endings.cutting().run_until_cancelled(served).await;
    }

    /// The right user; then what the gate asks for.
    async fn prove(&self, mut accepted: Accepted) -> Result<BoxIo, String> {
        let proof = accepted.take_proof();
        let Accepted { io, peer, .. } = accepted;
        if !self.any_user {
            let peer = peer.looked_up().await;
            let is_expected = self.user.is_some() && peer.uid() == self.user;
            if !peer.is_same_user() && !is_expected {
                // On loopback, any local user can make as many as they like.
                if let Some(count) = self.foreign.make() {
                    tracing::warn!(?peer, count, "refused a connection of another user");
                }
                return Err("it is another user's".to_owned());
            }
        }
        let io = self.gate.admit(io).await?;
        proof.given();
        Ok(io)
    }

    async fn http2(&self, io: BoxIo) {
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
            // Its own pings are answered at any rate.
            .keep_alive_interval(self.keepalive.map(|(interval, _)| interval))
            .auto_date_header(false);
        if let Some((_, limit)) = self.keepalive {
            http2.keep_alive_timeout(limit);
        }
        let answer = self.answer.clone();
        let service = hyper::service::service_fn(move |request: http::Request<_>| {
            answer.answer(request.map(Body::new)).map(Ok::<_, Infallible>)
        });
        let mut serving = std::pin::pin!(http2.serve_connection(TokioIo::new(io), service));
        let served = tokio::select! {
            served = &mut serving => served,
            () = self.endings.closing().cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

impl<A> fmt::Debug for Connections<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("any_user", &self.any_user)
            .field("max_streams", &self.max_streams)
            .finish_non_exhaustive()
    }
}
