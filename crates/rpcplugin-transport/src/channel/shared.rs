use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared as SharedFuture, WeakShared},
};
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use hyper::body::Incoming;
use rpcplugin_core::{Error, ProtocolError, limits};
use tokio::time::Instant;
use tonic::Status;

use super::{
    CallTrace, ChannelOptions,
    body::{ChannelBody, Reply, Timer},
    call::{Call, RequestBody},
    connection::{Connection, Dial},
    deadline::Deadline,
    failure::{Failure, classify},
    fate::ended_by,
};
use crate::{
    Generation,
    frame_limit::FrameGauge,
    status::{dial_status, protocol_status, shared_status},
};

/// What the clones of a channel have in common.
pub(super) struct Shared {
    dial: Dial,
    pub(super) options: ChannelOptions,
    pub(super) generation: Generation,
    /// It may change, unlike the other options.
    request_timeout: Mutex<Option<Duration>>,
    state: Mutex<State>,
}

/// Never locked across an `await`.
struct State {
    current: Connection,
    /// The one attempt to reconnect, kept alive by the calls that wait for it: if all of them
    /// are dropped, so is the attempt.
    dialling: Option<WeakShared<Dialling>>,
}

type Dialling = BoxFuture<'static, Result<Connection, Arc<Error>>>;

impl Shared {
    pub(super) const fn new(
        dial: Dial,
        options: ChannelOptions,
        generation: Generation,
        connection: Connection,
    ) -> Self {
        let state = Mutex::new(State { current: connection, dialling: None });
        let request_timeout = Mutex::new(options.request_timeout);
        Self { dial, options, generation, request_timeout, state }
    }

    pub(super) fn request_timeout(&self) -> Option<Duration> {
        *self.request_timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_request_timeout(&self, timeout: Option<Duration>) {
        *self.request_timeout.lock().unwrap_or_else(PoisonError::into_inner) = timeout;
    }

    pub(super) fn cut(&self, origin: &str) {
        self.lock().current.fate.cut(origin);
    }

    /// Sends a request and waits for the head of its reply.
    pub(super) async fn send(
        self: Arc<Self>,
        request: Request<tonic::body::Body>,
        deadline: Option<Deadline>,
        trace: Option<CallTrace>,
    ) -> Result<Response<ChannelBody>, Status> {
        let call = Call::default();
        let limit = self.options.max_send_message_size;
        let request = request.map(|body| call.request(body, limit));
        let (response, connection) = self.dispatch(request, &call, trace).await?;
        let needs_trailers = check_head(&response)?;
        let gauge =
            FrameGauge::new(self.options.max_receive_message_size, "grpc_max_receive_message_size");
        Ok(response.map(|incoming| {
            ChannelBody::new(Reply {
                incoming,
                call,
                gauge,
                deadline: deadline.map(Timer::from),
                needs_trailers,
                fate: connection.fate,
                generation: self.generation.clone(),
            })
        }))
    }

    async fn dispatch(
        self: &Arc<Self>,
        mut request: Request<RequestBody>,
        call: &Call,
        trace: Option<CallTrace>,
    ) -> Result<(Response<Incoming>, Connection), Status> {
        let mut may_redial = true;
        loop {
            let mut connection = self.connection().await?;
            if let Some(trace) = &trace {
                trace.note(&connection.fate);
            }
            let mut failed = match connection.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, connection)),
                Err(failed) => failed,
            };
            if let Some(status) = call.failure() {
                return Err(status);
            }
            match (failed.take_message(), classify(failed.error())) {
                // Not a byte of it went out, so sending it elsewhere repeats nothing.
                (Some(unsent), Failure::Connection(detail)) if may_redial => {
                    connection.fate.lost(detail, None);
                    request = unsent;
                    may_redial = false;
                }
                (_, Failure::Call(status)) => return Err(status),
                (_, Failure::Connection(detail)) => {
                    return Err(connection.fate.status(&self.generation, detail).await);
                }
            }
        }
    }

    /// The connection, dialled anew if it was lost.
    async fn connection(self: &Arc<Self>) -> Result<Connection, Status> {
        if self.generation.is_over()
            && let Some(error) = self.generation.error()
        {
            return Err(shared_status(error));
        }
        let dialling = {
            let mut state = self.lock();
            if state.current.is_usable() {
                return Ok(state.current.clone());
            }
            match state.dialling.as_ref().and_then(WeakShared::upgrade) {
                Some(dialling) => dialling,
                None => {
                    let dialling = self.clone().reconnect().boxed().shared();
                    state.dialling = SharedFuture::downgrade(&dialling);
                    dialling
                }
            }
        };
        let since = Instant::now();
        match dialling.await {
            Ok(connection) => Ok(connection),
            Err(error) => Err(match ended_by(&self.generation, since).await {
                Some(ended) => shared_status(ended),
                None => dial_status(error),
            }),
        }
    }

    async fn reconnect(self: Arc<Self>) -> Result<Connection, Arc<Error>> {
        let limit = self.options.connection_timeout;
        let reached = Connection::establish(&self.dial, limit, &self.generation).await;
        let mut state = self.lock();
        state.dialling = None;
        if let Ok(connection) = &reached {
            state.current = connection.clone();
        }
        reached.map_err(Arc::new)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether trailers must follow this head; refuses what is not gRPC.
fn check_head(response: &Response<Incoming>) -> Result<bool, Status> {
    let headers = response.headers();
    if response.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE {
        // Of h2, below gRPC, so it has no status of gRPC's.
        return Err(Status::resource_exhausted(format!(
            "the list of headers is longer than the plugin accepts (rpcplugin's accept {} bytes)",
            limits::HEADER_LIST
        )));
    }
    if headers.contains_key("grpc-status") || response.status() != StatusCode::OK {
        // tonic reads the status from here.
        return Ok(false);
    }
    let kind = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), |kind| kind.as_bytes());
    if kind.starts_with(b"application/grpc") {
        return Ok(true);
    }
    let detail = format!("its content type is \"{}\"", rpcplugin_core::escape(kind));
    Err(protocol_status(ProtocolError::PeerNotGrpc { detail }))
}
