use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use tonic::{Status, body::Body, server::NamedService};
use tower::{ServiceExt as _, util::BoxCloneSyncService};
use tower_layer::Layer;
use tower_service::Service;

/// All that is served on one side channel, as one service.
///
/// It never fails: what goes wrong in a call is in its response.
pub type BrokeredService =
    BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Infallible>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a side channel serves: one tonic service or several, with their layers and limits.
///
/// Every tonic service converts into one, so that [`serve`](crate::Broker::serve) takes it as it
/// is.
///
/// # Example
///
/// ```
/// use rpcplugin_broker::Services;
/// use rpcplugin_proto::{health::health_server::HealthServer, kv::kv_server::KvServer};
/// # fn example(kv: impl rpcplugin_proto::kv::kv_server::Kv,
/// #            health: impl rpcplugin_proto::health::health_server::Health) {
/// let services = Services::new()
///     .service(KvServer::new(kv))
///     .service(HealthServer::new(health))
///     .layer(tower::layer::layer_fn(|inner| inner))
///     .max_receive_message_size(1024 * 1024);
/// assert_eq!(format!("{services:?}"), r#"["grpc.health.v1.Health", "proto.KV"]"#);
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Services {
    by_name: HashMap<&'static str, BrokeredService>,
    layers: Vec<Arc<dyn Fn(BrokeredService) -> BrokeredService + Send + Sync>>,
    max_receive: Option<usize>,
    max_send: Option<usize>,
}

impl Services {
    /// No service yet: every call is UNIMPLEMENTED.
    pub fn new() -> Self {
        Self { by_name: HashMap::new(), layers: Vec::new(), max_receive: None, max_send: None }
    }

    /// Adds a tonic service. One of the same name replaces the earlier one.
    ///
    /// tonic's own limit of 4 MiB for received messages stays until the service's
    /// `max_decoding_message_size` raises it.
    pub fn service<S, B>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // tonic's body unwraps itself, so an ordinary service pays nothing here.
        let service = service.map_response(|response: http::Response<B>| response.map(Body::new));
        self.by_name.insert(S::NAME, BrokeredService::new(service));
        self
    }

    /// Puts a layer round all services together. The one given first sees a call first. An error
    /// of the layer becomes the call's status.
    pub fn layer<L, B>(mut self, layer: L) -> Self
    where
        L: Layer<BrokeredService> + Send + Sync + 'static,
        L::Service: Service<http::Request<Body>, Response = http::Response<B>, Error: Into<BoxError>>
            + Clone
            + Send
            + Sync
            + 'static,
        <L::Service as Service<http::Request<Body>>>::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.layers.push(Arc::new(move |inner| BrokeredService::new(Layered(layer.layer(inner)))));
        self
    }

    /// Refuses larger messages, instead of those over the limit of the main connection.
    pub const fn max_receive_message_size(mut self, bytes: usize) -> Self {
        self.max_receive = Some(bytes);
        self
    }

    /// Refuses to send larger messages, instead of those over the limit of the main connection.
    pub const fn max_send_message_size(mut self, bytes: usize) -> Self {
        self.max_send = Some(bytes);
        self
    }

    pub(crate) fn into_parts(self) -> Parts {
        let router = BrokeredService::new(Router(Arc::new(self.by_name)));
        // The layer given first goes on last.
        let service = self.layers.iter().rev().fold(router, |inner, layer| layer(inner));
        Parts { service, max_receive: self.max_receive, max_send: self.max_send }
    }
}

/// [`Services`], ready to be called.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) service: BrokeredService,
    pub(crate) max_receive: Option<usize>,
    pub(crate) max_send: Option<usize>,
}

impl Default for Services {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.by_name.keys().collect();
        names.sort_unstable();
        f.debug_list().entries(names).finish()
    }
}

impl<S, B> From<S> for Services
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn from(service: S) -> Self {
        Self::new().service(service)
    }
}

/// Finds the service of each call by the first segment of its path.
#[derive(Clone)]
struct Router(Arc<HashMap<&'static str, BrokeredService>>);

impl Service<http::Request<Body>> for Router {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Each call waits for its own service.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path().strip_prefix('/');
        let name = path.and_then(|path| path.split_once('/')).map_or("", |(name, _)| name);
        match self.0.get(name) {
            Some(found) => found.clone().oneshot(request).boxed(),
            None => {
                let name = name.chars().take(100).collect::<String>();
                let name = rpcplugin_core::escape_text(&name);
                let status = Status::unimplemented(format!("unknown service {name:?}"));
                std::future::ready(Ok(status.into_http())).boxed()
            }
        }
    }
}

/// A layered service, whose errors become answers.
#[derive(Clone)]
struct Layered<S>(S);

impl<S, B> Service<http::Request<Body>> for Layered<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error: Into<BoxError>>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Each call waits for a service of its own, so that a refusal is that call's answer.
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
