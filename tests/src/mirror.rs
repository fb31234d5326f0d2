use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Request, Response};
use rpcplugin_proto::probe::probe_server;
use tonic::{body::Body, codegen::Service, server::NamedService};

/// A probe whose every answer is what it was sent: what a host serves to its plugin.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Mirror;

impl Mirror {
    /// The only one.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Default for Mirror {
    fn default() -> Self {
        Self::new()
    }
}

impl NamedService for Mirror {
    const NAME: &'static str = probe_server::SERVICE_NAME;
}

impl Service<Request<Body>> for Mirror {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", 0.into());
        let body = request.into_body().with_trailers(ready(Some(Ok(trailers))));
        let mut answer = Response::new(Body::new(body));
        let kind = hyper::header::HeaderValue::from_static("application/grpc");
        answer.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
        ready(Ok(answer))
    }
}
