//! What surrounds each call, whichever service answers it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use rpcplugin_core::limits;
use tokio::time::{Instant, timeout_at};
use tonic::{Status, body::Body};
use tower::ServiceExt as _;

use super::{InFlight, RpcService, in_flight::Ticket};
use crate::FrameLimit;

mod body;
mod deadline;
mod oversize;

/// Makes calls of the user's services, each of which ends exactly once and alone:
/// a panic is INTERNAL for that call, the caller's deadline holds, messages are bounded, and
/// calls in progress are counted for the drain.
#[derive(Clone, Debug)]
pub struct Calls {
    receive: usize,
    send: usize,
    in_flight: Arc<InFlight>,
}

impl Calls {
    /// Calls that are counted there, with the default limits on their messages:
    /// [`limits::MESSAGE`].
    #[must_use]
    pub const fn new(in_flight: Arc<InFlight>) -> Self {
        Self { receive: limits::MESSAGE, send: limits::MESSAGE, in_flight }
    }

    /// Ends calls that bring a message of more bytes.
    #[must_use]
    pub const fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.receive = bytes;
        self
    }

    /// Ends calls that are answered with a message of more bytes.
    #[must_use]
    pub const fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.send = bytes;
        self
    }

    /// Makes one call. Dropping the future ends it.
    pub fn call(
        &self,
        service: RpcService,
        request: http::Request<Body>,
    ) -> BoxFuture<'static, http::Response<Body>> {
        let Some(ticket) = self.in_flight.enter() else {
            let status = Status::unavailable("the plugin is stopping and takes no new calls");
            return std::future::ready(status.into_http()).boxed();
        };
        let (receive, send) = (self.receive, self.send);
        let request = request
            .map(|body| Body::new(FrameLimit::new(body, receive, "grpc_max_receive_message_size")));
        let guarded = guarded(service, request, Some(ticket));
        guarded
            .map(move |answer| {
                // What the user's code made passes its own limit first, then the guard turns a
                // breach into the call's status.
                answer.map(|body| body.limited(send)).map(Body::new)
            })
            .boxed()
    }
}

/// Calls a service of the framework: the same without counting and limits.
pub fn framework_call(
    service: RpcService,
    request: http::Request<Body>,
) -> BoxFuture<'static, http::Response<Body>> {
    guarded(service, request, None).map(|answer| answer.map(Body::new)).boxed()
}

/// Runs a call under its caller's deadline, and survives its panic.
async fn guarded(
    service: RpcService,
    request: http::Request<Body>,
    ticket: Option<Ticket>,
) -> http::Response<body::CallBody> {
    // A time that no clock can count is none.
    let deadline = deadline::of(request.headers());
    let deadline = deadline.and_then(|limit| Instant::now().checked_add(limit));
    let path = request.uri().path().to_owned();
    let answer = AssertUnwindSafe(service.oneshot(request)).catch_unwind();
    let answer = match deadline {
        None => Ok(answer.await),
        Some(deadline) => timeout_at(deadline, answer).await,
    };
    let mut answer = match answer {
        Ok(Ok(Ok(answer))) => answer,
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(_)) => {
            tracing::error!(%path, "a handler panicked");
            panicked().into_http()
        }
        Err(_) => expired().into_http(),
    };
    oversize::rewrite(answer.headers_mut());
    answer.map(|body| body::CallBody::new(body, deadline, ticket))
}

fn panicked() -> Status {
    Status::internal("the handler panicked")
}

fn expired() -> Status {
    Status::deadline_exceeded("the caller's deadline passed")
}

#[cfg(test)]
mod tests;
