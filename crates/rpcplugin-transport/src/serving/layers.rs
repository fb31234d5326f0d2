use std::{fmt, sync::Arc};

use bytes::Bytes;
use tonic::body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{BoxError, RpcService, boxed};

use self::layered::Layered;

mod layered;

/// A user's layers, the outermost first. Clones are the same.
#[derive(Clone, Default)]
pub struct Layers(Vec<Arc<dyn Fn(RpcService) -> RpcService + Send + Sync>>);

impl Layers {
    /// No layer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer inside those that are there: the one given first sees a call first. An error
    /// of the layer becomes the call's status.
    pub fn push<L, B>(&mut self, layer: L)
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
        self.0.push(Arc::new(move |inner| boxed(Layered(layer.layer(inner)))));
    }

    /// The services inside all of them.
    #[must_use]
    pub fn wrap(&self, services: RpcService) -> RpcService {
        // The layer given first goes on last.
        self.0.iter().rev().fold(services, |inner, layer| layer(inner))
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layers").field(&self.0.len()).finish()
    }
}
