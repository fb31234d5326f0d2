use std::borrow::Cow;

use rpcplugin_core::ConfigError;
use rpcplugin_transport::serving::{BoxError, RpcService, boxed};
use tonic_reflection::server::{Builder, Error};

use crate::plugin_set::Descriptors;

/// When a plugin tells its services to whoever asks (gRPC server reflection, v1 and v1alpha).
pub use rpcplugin_core::config::ReflectionMode as Reflection;

/// Whether it is served.
pub(crate) fn is_on(mode: Reflection, tls: bool) -> bool {
    match mode {
        Reflection::Always => true,
        Reflection::Tls => tls,
        _ => false,
    }
}

/// The framework's own descriptors.
const OURS: [&[u8]; 2] =
    [rpcplugin_proto::plugin::FILE_DESCRIPTOR_SET, rpcplugin_proto::health::FILE_DESCRIPTOR_SET];

/// Whether these descriptor sets can be served.
///
/// # Errors
///
/// `CONFIG_INVALID` if one is unreadable.
pub(crate) fn check(descriptors: &Descriptors) -> Result<(), ConfigError> {
    builder(descriptors, &[]).build_v1().map(|_| ()).map_err(refuse)
}

/// Reflection v1 and v1alpha, each under its name, listing the `served` services.
///
/// # Errors
///
/// As [`check`].
pub(crate) fn services(
    descriptors: &Descriptors,
    served: &[&'static str],
) -> Result<[(&'static str, RpcService); 2], ConfigError> {
    let v1 = builder(descriptors, served).build_v1().map_err(refuse)?;
    let v1alpha = builder(descriptors, served).build_v1alpha().map_err(refuse)?;
    Ok([named(v1), named(v1alpha)])
}

fn named<S, B>(service: S) -> (&'static str, RpcService)
where
    S: tower_service::Service<
            http::Request<tonic::body::Body>,
            Response = http::Response<B>,
            Error = std::convert::Infallible,
        > + tonic::server::NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    (S::NAME, boxed(service))
}

fn builder<'a>(descriptors: &'a [Cow<'static, [u8]>], served: &[&str]) -> Builder<'a> {
    let sets = descriptors.iter().map(|set| &**set).chain(OURS);
    let builder = sets.fold(Builder::configure(), Builder::register_encoded_file_descriptor_set);
    // Only what is served: a descriptor set may describe more, and a service may lack one.
    served.iter().fold(builder, |builder, name| builder.with_service_name(*name))
}

fn refuse(error: Error) -> ConfigError {
    ConfigError::Invalid {
        setting: "descriptors",
        value: error.to_string(),
        expected: "an encoded google.protobuf.FileDescriptorSet",
    }
}
