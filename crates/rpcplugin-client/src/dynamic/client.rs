use std::{sync::Arc, time::Duration};

use rpcplugin_core::{Error, ProtocolError, escape_text};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_stream::Stream;

use super::{
    CallKind, CallOptions, MethodInfo, Replies, Reply, Service, ServiceInfo, call::Call,
    schema::Schema,
};
use crate::Client;

/// Calls without generated code.
///
/// A method is named `package.Service/Method`, `package.Service.Method`, `Service.Method`, or
/// `Method` alone if one service has it; `my_method` is `MyMethod`. Services of the framework
/// (health, reflection, the broker) must be named in full. Parameters and replies are JSON as
/// protobuf maps it; parameters go by the names of the `.proto` file as well.
///
/// What methods there are is known from the [builder](crate::Builder::descriptors), or else asked
/// of the plugin by gRPC reflection, once, by the first call that needs it.
///
/// Dropping the future of a call, or its [`Replies`], cancels it in the plugin.
///
/// # Errors
///
/// Each call fails with
/// - `PROTOCOL_NO_DESCRIPTORS`, `PROTOCOL_BAD_REPLY` or `PROTOCOL_LIMIT` if the plugin does not
///   say what methods it has, or makes no sense in doing so;
/// - `PROTOCOL_UNKNOWN_SERVICE`, `PROTOCOL_UNKNOWN_METHOD`, `PROTOCOL_AMBIGUOUS_METHOD`,
///   `PROTOCOL_WRONG_CALL_KIND` for a name that is not one of its methods;
/// - `PROTOCOL_INVALID_MESSAGE` for parameters that do not fit; nothing has been sent then, or in
///   a stream of requests, only those before;
/// - `PROTOCOL_STATUS` and others for the status with which the plugin ends it;
///   `PROTOCOL_BAD_REPLY` for a reply that is not of the method's type; `TRANSPORT_…`.
///
/// # Example
///
/// ```no_run
/// use rpcplugin_client::Client;
/// use serde_json::json;
///
/// # async fn run(plugin: &Client) -> Result<(), rpcplugin_core::Error> {
/// plugin.call_method("Put", json!({ "key": "greeting", "value": "aGVsbG8=" })).await?;
/// let reply = plugin.call_method("kv.KV/Get", json!({ "key": "greeting" })).await?;
/// assert_eq!(reply["value"], "aGVsbG8=");
/// # Ok(())
/// # }
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "dynamic")))]
impl Client {
    /// Calls a unary method. `()` is a message without fields.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn call_method(&self, method: &str, params: impl Serialize) -> Result<Value, Error> {
        Ok(self.call_method_with(method, params, CallOptions::new()).await?.value)
    }

    /// Calls a unary method with options, and returns the metadata besides.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn call_method_with(
        &self,
        method: &str,
        params: impl Serialize,
        options: CallOptions,
    ) -> Result<Reply, Error> {
        Call::new(self, method, CallKind::Unary, options).await?.unary(params).await
    }

    /// Calls a unary method with types of the caller's, by serde.
    ///
    /// The reply has all fields that have no presence, under the names of the `.proto` file, and
    /// numbers of 64 bits as numbers, so a plain `#[derive(Deserialize)]` does for most messages.
    /// What may be absent is an `Option`; bytes are base64 strings; a floating-point number that
    /// is not finite is a string.
    ///
    /// # Errors
    ///
    /// As above; `PROTOCOL_BAD_REPLY` if the reply does not fit into `Resp`.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use rpcplugin_client::Client;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize)]
    /// struct Get<'a> {
    ///     key: &'a str,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Found {
    ///     value: String,
    /// }
    ///
    /// # async fn run(plugin: &Client) -> Result<(), rpcplugin_core::Error> {
    /// let found: Found = plugin.call("Get", &Get { key: "greeting" }).await?;
    /// # drop(found.value);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn call<Req, Resp>(&self, method: &str, request: &Req) -> Result<Resp, Error>
    where
        Req: Serialize + ?Sized,
        Resp: DeserializeOwned,
    {
        self.call_with(method, request, CallOptions::new()).await
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`call`](Client::call).
    pub async fn call_with<Req, Resp>(
        &self,
        method: &str,
        request: &Req,
        options: CallOptions,
    ) -> Result<Resp, Error>
    where
        Req: Serialize + ?Sized,
        Resp: DeserializeOwned,
    {
        let reply = self.call_method_with(method, request, options.for_rust()).await?;
        serde_json::from_value(reply.value).map_err(|error| {
            let detail =
                format!("it does not fit the caller's type: {}", escape_text(&error.to_string()));
            ProtocolError::BadReply { detail }.into()
        })
    }

    /// Calls a method that answers with a stream. Returns when the plugin has accepted the call.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn call_server_streaming(
        &self,
        method: &str,
        params: impl Serialize,
    ) -> Result<Replies, Error> {
        self.call_server_streaming_with(method, params, CallOptions::new()).await
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn call_server_streaming_with(
        &self,
        method: &str,
        params: impl Serialize,
        options: CallOptions,
    ) -> Result<Replies, Error> {
        let call = Call::new(self, method, CallKind::ServerStreaming, options).await?;
        call.server_streaming(params).await
    }

    /// Calls a method that takes a stream. Requests are sent as fast as the plugin reads them.
    ///
    /// # Errors
    ///
    /// As above. The path of a request that does not fit begins with its number, from 0; the call
    /// is cancelled then.
    pub async fn call_client_streaming(
        &self,
        method: &str,
        requests: impl Stream<Item = Value> + Send + 'static,
    ) -> Result<Value, Error> {
        Ok(self.call_client_streaming_with(method, requests, CallOptions::new()).await?.value)
    }

    /// The same with options; returns the metadata besides.
    ///
    /// # Errors
    ///
    /// As [`call_client_streaming`](Client::call_client_streaming).
    pub async fn call_client_streaming_with(
        &self,
        method: &str,
        requests: impl Stream<Item = Value> + Send + 'static,
        options: CallOptions,
    ) -> Result<Reply, Error> {
        let call = Call::new(self, method, CallKind::ClientStreaming, options).await?;
        call.client_streaming(requests).await
    }

    /// Calls a method that takes and answers with streams. Returns when the plugin has accepted
    /// the call, which some plugins do only with their first reply.
    ///
    /// # Errors
    ///
    /// As above. A request that does not fit ends the [`Replies`] with its error.
    pub async fn call_bidirectional(
        &self,
        method: &str,
        requests: impl Stream<Item = Value> + Send + 'static,
    ) -> Result<Replies, Error> {
        self.call_bidirectional_with(method, requests, CallOptions::new()).await
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`call_bidirectional`](Client::call_bidirectional).
    pub async fn call_bidirectional_with(
        &self,
        method: &str,
        requests: impl Stream<Item = Value> + Send + 'static,
        options: CallOptions,
    ) -> Result<Replies, Error> {
        let call = Call::new(self, method, CallKind::Bidirectional, options).await?;
        call.bidirectional(requests).await
    }

    /// The same calls of one service, by its full or short name. The name is looked up by each
    /// call.
    pub fn service(&self, name: impl Into<String>) -> Service {
        Service::new(self.clone(), name.into())
    }

    /// The services that the plugin has, those of the framework last.
    ///
    /// # Errors
    ///
    /// Those of finding descriptors, as above.
    pub async fn services(&self) -> Result<Vec<ServiceInfo>, Error> {
        let schema = self.schema(None).await?;
        Ok(schema.services().into_iter().map(ServiceInfo::new).collect())
    }

    /// The methods of one service, by its full or short name, in the order of its `.proto` file.
    ///
    /// # Errors
    ///
    /// Those of finding descriptors, as above; `PROTOCOL_UNKNOWN_SERVICE`;
    /// `PROTOCOL_AMBIGUOUS_METHOD` if several services have this short name.
    pub async fn methods(&self, service: &str) -> Result<Vec<MethodInfo>, Error> {
        let service = self.schema(None).await?.service(service)?;
        Ok(service.methods().map(MethodInfo::new).collect())
    }

    /// Whether the plugin has a service of this full or short name.
    ///
    /// # Errors
    ///
    /// Those of finding descriptors, as above.
    pub async fn has_service(&self, name: &str) -> Result<bool, Error> {
        match self.schema(None).await?.service(name) {
            Err(ProtocolError::UnknownService { .. }) => Ok(false),
            _ => Ok(true),
        }
    }

    /// What there is to know of one method, named as for a call.
    ///
    /// # Errors
    ///
    /// Those of finding descriptors, and the method in them, as above.
    pub async fn describe(&self, method: &str) -> Result<MethodInfo, Error> {
        Ok(MethodInfo::new(self.schema(None).await?.method(method)?))
    }

    pub(super) async fn schema(&self, limit: Option<Duration>) -> Result<Arc<Schema>, Error> {
        self.shared.source.schema(self.channel(), limit).await
    }
}
