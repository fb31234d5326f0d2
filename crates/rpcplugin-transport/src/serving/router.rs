use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tonic::{Status, body::Body};
use tower::ServiceExt as _;
use tower_service::Service;

use super::RpcService;

/// Several services as one, for layers to wrap: finds the one of each call by the first segment of
/// its path. Clones share them.
#[derive(Clone)]
pub struct Router(Arc<HashMap<&'static str, RpcService>>);

impl Router {
    /// Routes to these services, each under the name that its `.proto` gives it.
    #[must_use]
    pub fn new(services: HashMap<&'static str, RpcService>) -> Self {
        Self(Arc::new(services))
    }

    /// Whether there is a service of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Service<http::Request<Body>> for Router {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Each call waits for its own service.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let name = service_of(request.uri().path());
        match self.0.get(name) {
            Some(found) => found.clone().oneshot(request).boxed(),
            None => std::future::ready(Ok(unknown(name))).boxed(),
        }
    }
}

/// `/package.Service/Method` without the method.
#[must_use]
pub fn service_of(path: &str) -> &str {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(service, _)| service)
}

/// The answer for a service that is not there: headers alone, as gRPC wants it for a call that
/// never began.
#[must_use]
pub fn unknown(service: &str) -> http::Response<Body> {
    let service = service.chars().take(100).collect::<String>();
    let service = rpcplugin_core::escape_text(&service);
    Status::unimplemented(format!("unknown service {service:?}")).into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_the_first_segment() {
        assert_eq!(service_of("/proto.KV/Get"), "proto.KV");
        assert_eq!(service_of("/proto.KV/Get/more"), "proto.KV");
        for path in ["", "/", "*", "/proto.KV", "proto.KV/Get"] {
            assert_eq!(service_of(path), "", "{path:?}");
        }
    }

    #[test]
    fn an_unknown_service_is_answered_by_headers_alone() {
        let answer = unknown("no.Such");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/grpc");
        assert_eq!(answer.headers()["grpc-status"], "12");
        assert!(http_body::Body::is_end_stream(answer.body()));
    }
}
