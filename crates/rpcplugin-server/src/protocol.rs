use std::borrow::Cow;

use crate::PluginSet;

/// A service with its description, for those who want one value to stand for both.
///
/// A plain tonic service needs none of this: [`PluginSet::service`] takes it as it is.
///
/// # Example
///
/// ```
/// use std::{borrow::Cow, sync::Arc};
///
/// use rpcplugin_proto::kv::{self, kv_server::{Kv, KvServer}};
/// use rpcplugin_server::{PluginSet, Protocol};
///
/// struct KeyValue;
///
/// impl Protocol for KeyValue {
///     type Handler = Arc<Store>;
///
///     fn grpc_descriptors(&self) -> (Cow<'static, [u8]>, Cow<'static, str>) {
///         (kv::FILE_DESCRIPTOR_SET.into(), kv::kv_server::SERVICE_NAME.into())
///     }
///
///     fn add_to_server(&self, plugins: &mut PluginSet, handler: Arc<Store>) {
///         plugins.add(KvServer::from_arc(handler));
///     }
/// }
/// # use tonic::{Request, Response, Status};
/// # struct Store;
/// # #[tonic::async_trait]
/// # impl Kv for Store {
/// #     async fn get(&self, _: Request<kv::GetRequest>) -> Result<Response<kv::GetResponse>, Status> { Err(Status::not_found("none")) }
/// #     async fn put(&self, _: Request<kv::PutRequest>) -> Result<Response<kv::Empty>, Status> { Ok(Response::new(kv::Empty {})) }
/// #     type ListStream = tokio_stream::Empty<Result<kv::Entry, Status>>;
/// #     async fn list(&self, _: Request<kv::ListRequest>) -> Result<Response<Self::ListStream>, Status> { Ok(Response::new(tokio_stream::empty())) }
/// # }
///
/// let plugins = PluginSet::new().protocol(KeyValue, Arc::new(Store));
/// assert_eq!(plugins.names().collect::<Vec<_>>(), ["proto.KV"]);
/// ```
pub trait Protocol {
    /// What implements the service.
    type Handler;

    /// The encoded `FileDescriptorSet`, and the full name of the service in it.
    fn grpc_descriptors(&self) -> (Cow<'static, [u8]>, Cow<'static, str>);

    /// Registers the service, usually with [`PluginSet::add`].
    fn add_to_server(&self, plugins: &mut PluginSet, handler: Self::Handler);
}
