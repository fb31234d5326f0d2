use std::{collections::HashMap, convert::Infallible, fmt, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use hyper::body::Incoming;
use tonic::{Status, body::Body};

use crate::{
    call::{UserCalls, framework_call},
    plugin_set::{RpcService, boxed},
};

/// Finds the service of each call by the first segment of its path. Clones share everything.
#[derive(Clone)]
pub(crate) struct Dispatcher(Arc<Inner>);

struct Inner {
    framework: HashMap<&'static str, RpcService>,
    users: HashMap<&'static str, RpcService>,
    /// All of the user's services behind the user's layers, so that a layer's state, such as a
    /// limit, holds for all of them together.
    layered: RpcService,
    calls: UserCalls,
}

/// The user's layers, as one function.
pub(crate) type Layers = Vec<Box<dyn FnOnce(RpcService) -> RpcService + Send>>;

impl Dispatcher {
    pub(crate) fn new(
        framework: Vec<(&'static str, RpcService)>,
        users: Vec<(&'static str, RpcService)>,
        layers: Layers,
        calls: UserCalls,
    ) -> Self {
        let users: HashMap<_, _> = users.into_iter().collect();
        let router = boxed(Router(Arc::new(users.clone())));
        // The layer given first sees a call first, so it goes on last.
        let layered = layers.into_iter().rev().fold(router, |inner, layer| layer(inner));
        Self(Arc::new(Inner { framework: framework.into_iter().collect(), users, layered, calls }))
    }

    fn dispatch(&self, request: http::Request<Body>) -> BoxFuture<'static, http::Response<Body>> {
        let service = service_of(request.uri().path());
        if self.0.users.contains_key(service) {
            return self.0.calls.call(self.0.layered.clone(), request);
        }
        match self.0.framework.get(service) {
            Some(found) => framework_call(found.clone(), request),
            None => std::future::ready(unknown(service)).boxed(),
        }
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("users", &self.0.users.keys()).finish_non_exhaustive()
    }
}

impl hyper::service::Service<http::Request<Incoming>> for Dispatcher {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        self.dispatch(request.map(Body::new)).map(Ok).boxed()
    }
}

/// The user's services as one, for the layers to wrap.
#[derive(Clone)]
struct Router(Arc<HashMap<&'static str, RpcService>>);

impl tower_service::Service<http::Request<Body>> for Router {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        // Each call waits for its own service.
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = service_of(request.uri().path());
        match self.0.get(service) {
            Some(found) => tower::ServiceExt::oneshot(found.clone(), request).boxed(),
            // A layer changed the path.
            None => std::future::ready(Ok(unknown(service))).boxed(),
        }
    }
}

/// `/package.Service/Method` without the method.
fn service_of(path: &str) -> &str {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(service, _)| service)
}

/// An answer of headers alone, as gRPC wants it for a call that never began.
fn unknown(service: &str) -> http::Response<Body> {
    let service = rpcplugin_core::escape_text(service.get(..100).unwrap_or(service));
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
