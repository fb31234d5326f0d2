use std::{collections::HashMap, convert::Infallible, fmt};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rpcplugin_transport::serving::{Answer, BoxError, Calls, Layers, Router, RpcService, boxed};
use tonic::{body::Body, server::NamedService};
use tower_layer::Layer;
use tower_service::Service;

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
    by_name: HashMap<&'static str, RpcService>,
    layers: Layers,
    max_receive: Option<usize>,
    max_send: Option<usize>,
}

impl Services {
    /// No service yet: every call is UNIMPLEMENTED.
    pub fn new() -> Self {
        Self { by_name: HashMap::new(), layers: Layers::new(), max_receive: None, max_send: None }
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
        self.by_name.insert(S::NAME, boxed(service));
        self
    }

    /// Puts a layer round all services together. The one given first sees a call first. An error
    /// of the layer becomes the call's status.
    pub fn layer<L, B>(mut self, layer: L) -> Self
    where
        L: Layer<RpcService> + Send + Sync + 'static,
        L::Service: Service<http::Request<Body>, Response = http::Response<B>, Error: Into<BoxError>>
            + Clone
            + Send
            + Sync
            + 'static,
        <L::Service as Service<http::Request<Body>>>::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.layers.push(layer);
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

    /// What answers their calls: inside the side's own layers, and within its limits unless they
    /// have their own.
    pub(crate) fn into_answer(self, mut calls: Calls, outer: &Layers) -> ServicesAnswer {
        let inner = self.layers.wrap(boxed(Router::new(self.by_name)));
        if let Some(bytes) = self.max_receive {
            calls = calls.max_receive_message_size(bytes);
        }
        if let Some(bytes) = self.max_send {
            calls = calls.max_send_message_size(bytes);
        }
        ServicesAnswer { service: outer.wrap(inner), calls }
    }
}

/// Answers the calls of one side channel.
#[derive(Clone)]
pub(crate) struct ServicesAnswer {
    service: RpcService,
    calls: Calls,
}

impl Answer for ServicesAnswer {
    fn answer(&self, request: http::Request<Body>) -> BoxFuture<'static, http::Response<Body>> {
        self.calls.call(self.service.clone(), request)
    }
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
