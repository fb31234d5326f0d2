use std::{borrow::Cow, collections::BTreeSet, convert::Infallible, fmt};

use bytes::Bytes;
use rpcplugin_core::ConfigError;
use rpcplugin_transport::serving::{BoxError, RpcService, boxed};
use tonic::{body::Body, server::NamedService};
use tower_service::Service;

use crate::{Context, Protocol, reflection, serve::RESERVED};

/// The services that a plugin offers under one application version.
///
/// Any tonic service fits, whether plain, intercepted or layered. A plugin registers each under
/// the name that its `.proto` gives it; the framework adds health, controller, stdio and
/// reflection by itself.
///
/// # Example
///
/// ```
/// use rpcplugin_proto::kv::{self, kv_server::KvServer};
/// use rpcplugin_server::PluginSet;
/// # use tonic::{Request, Response, Status};
/// # struct Store;
/// # #[tonic::async_trait]
/// # impl kv::kv_server::Kv for Store {
/// #     async fn get(&self, _: Request<kv::GetRequest>) -> Result<Response<kv::GetResponse>, Status> { Err(Status::not_found("none")) }
/// #     async fn put(&self, _: Request<kv::PutRequest>) -> Result<Response<kv::Empty>, Status> { Ok(Response::new(kv::Empty {})) }
/// #     type ListStream = tokio_stream::Empty<Result<kv::Entry, Status>>;
/// #     async fn list(&self, _: Request<kv::ListRequest>) -> Result<Response<Self::ListStream>, Status> { Ok(Response::new(tokio_stream::empty())) }
/// # }
///
/// let plugins = PluginSet::new()
///     .service(KvServer::new(Store))
///     .descriptors(kv::FILE_DESCRIPTOR_SET);
/// assert_eq!(plugins.names().collect::<Vec<_>>(), ["proto.KV"]);
/// ```
#[derive(Default)]
#[must_use]
pub struct PluginSet {
    services: Vec<Registration>,
    descriptors: Vec<Cow<'static, [u8]>>,
    promised: Vec<Cow<'static, str>>,
}

struct Registration {
    name: &'static str,
    make: Box<dyn FnOnce(&Context) -> RpcService + Send>,
}

impl PluginSet {
    /// A set without services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tonic service.
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
        self.add(service);
        self
    }

    /// Adds a service that needs something of the server: `make` is called once, before the
    /// handshake line is printed.
    pub fn service_with<S, B>(mut self, make: impl FnOnce(&Context) -> S + Send + 'static) -> Self
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
        self.services.push(Registration {
            name: S::NAME,
            make: Box::new(move |context| boxed(make(context))),
        });
        self
    }

    /// Adds a tonic service in place; what a [`Protocol`] does.
    pub fn add<S, B>(&mut self, service: S)
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
        self.services.push(Registration { name: S::NAME, make: Box::new(move |_| boxed(service)) });
    }

    /// Adds an encoded `FileDescriptorSet`, so that reflection covers the services in it.
    pub fn descriptors(mut self, file_descriptor_set: impl Into<Cow<'static, [u8]>>) -> Self {
        self.descriptors.push(file_descriptor_set.into());
        self
    }

    /// Adds a protocol with its handler: the services that it registers, and its descriptors.
    ///
    /// Starting the server fails with `CONFIG_INVALID` if the protocol does not register the
    /// service that it names.
    pub fn protocol<P: Protocol>(mut self, protocol: P, handler: P::Handler) -> Self {
        let (descriptors, service) = protocol.grpc_descriptors();
        protocol.add_to_server(&mut self, handler);
        self.promised.push(service);
        self.descriptors(descriptors)
    }

    /// The full names of the services, in the order of their registration.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.services.iter().map(|service| service.name)
    }

    /// Whether the set can be served as `version`.
    ///
    /// # Errors
    ///
    /// `CONFIG_DUPLICATE_SERVICE` if a name is registered twice or belongs to the framework,
    /// `CONFIG_INVALID` if a protocol broke its word or a descriptor set is unreadable.
    pub(crate) fn check(&self, version: u32) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for name in self.names() {
            let service = name.to_owned();
            if RESERVED.contains(&name) {
                return Err(ConfigError::ReservedService { service, version });
            }
            if !seen.insert(name) {
                return Err(ConfigError::DuplicateService { service, version });
            }
        }
        if let Some(name) = self.promised.iter().find(|name| !seen.contains(&***name)) {
            return Err(ConfigError::Invalid {
                setting: "protocol",
                value: name.to_string(),
                expected: "a Protocol whose add_to_server registers the service it names",
            });
        }
        reflection::check(&self.descriptors)
    }

    /// Builds the services, each under its name, and hands the descriptors out.
    pub(crate) fn build(self, context: &Context) -> (Vec<(&'static str, RpcService)>, Descriptors) {
        let services = self.services.into_iter().map(|each| (each.name, (each.make)(context)));
        (services.collect(), self.descriptors)
    }
}

/// Encoded descriptor sets.
pub(crate) type Descriptors = Vec<Cow<'static, [u8]>>;

impl fmt::Debug for PluginSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
