use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use tonic::{Status, body::Body};
use tower::ServiceExt as _;
use tower_service::Service;

use crate::serving::BoxError;

/// A user's layered service, whose errors become answers: a status of gRPC where the error is
/// one, else UNKNOWN.
#[derive(Clone, Debug)]
pub(super) struct Layered<S>(pub(super) S);

impl<S, B> Service<http::Request<Body>> for Layered<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Each call waits for a service of its own, so that a refusal of readiness is that
        // call's answer.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.0.clone().oneshot(request);
        let answer = answer.map(|answer| match answer {
            Ok(answer) => Ok(answer.map(Body::new)),
            Err(error) => Ok(Status::from_error(error.into()).into_http()),
        });
        answer.boxed()
    }
}
