use rpcplugin_core::Error;
use serde::Serialize;
use serde_json::Value;
use tokio_stream::Stream;

use super::{CallOptions, MethodInfo, Replies, Reply};
use crate::Client;

/// Dynamic calls of one service of a plugin; made by [`Client::service`]. It holds a handle of the
/// plugin, as a clone of the [`Client`] would.
///
/// # Example
///
/// ```no_run
/// use rpcplugin_client::Client;
/// use serde_json::json;
///
/// # async fn run(plugin: &Client) -> Result<(), rpcplugin_core::Error> {
/// let kv = plugin.service("kv.KV");
/// let reply = kv.call("Get", json!({ "key": "greeting" })).await?;
/// # drop(reply);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Service {
    client: Client,
    name: String,
}

impl Service {
    pub(super) const fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// The name that it was made with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As [`Client::call_method`].
    ///
    /// # Errors
    ///
    /// Those of all dynamic calls.
    pub async fn call(&self, method: &str, params: impl Serialize) -> Result<Value, Error> {
        self.client.call_method(&self.path(method), params).await
    }

    /// As [`Client::call_method_with`].
    ///
    /// # Errors
    ///
    /// Those of all dynamic calls.
    pub async fn call_with(
        &self,
        method: &str,
        params: impl Serialize,
        options: CallOptions,
    ) -> Result<Reply, Error> {
        self.client.call_method_with(&self.path(method), params, options).await
    }

    /// As [`Client::call_server_streaming_with`].
    ///
    /// # Errors
    ///
    /// Those of all dynamic calls.
    pub async fn server_streaming(
        &self,
        method: &str,
        params: impl Serialize,
        options: CallOptions,
    ) -> Result<Replies, Error> {
        self.client.call_server_streaming_with(&self.path(method), params, options).await
    }

    /// As [`Client::call_client_streaming_with`].
    ///
    /// # Errors
    ///
    /// Those of all dynamic calls.
    pub async fn client_streaming(
        &self,
        method: &str,
        requests: impl Stream<Item = Value> + Send + 'static,
        options: CallOptions,
    ) -> Result<Reply, Error> {
        self.client.call_client_streaming_with(&self.path(method), requests, options).await
    }

    /// As [`Client::call_bidirectional_with`].
    ///
    /// # Errors
    ///
    /// Those of all dynamic calls.
    pub async fn bidirectional(
        &self,
        method: &str,
        requests: impl Stream<Item = Value> + Send + 'static,
        options: CallOptions,
    ) -> Result<Replies, Error> {
        self.client.call_bidirectional_with(&self.path(method), requests, options).await
    }

    /// As [`Client::methods`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn methods(&self) -> Result<Vec<MethodInfo>, Error> {
        self.client.methods(&self.name).await
    }

    fn path(&self, method: &str) -> String {
        format!("{}/{method}", self.name)
    }
}
