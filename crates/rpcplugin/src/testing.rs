//! Test support: host and plugin in one process, and partners that misbehave.
//!
//! - [`client`] and [`Pair`] join a [`Client`](crate::Client) and a
//!   [`PluginSet`](crate::PluginSet) in one process: the unit test of a plugin.
//! - `FakePlugin` is a child that misbehaves, for tests of hosts; `FakeHost` starts a plugin and
//!   misbehaves, for tests of plugins. Both exist on Unix only.
//!
//! **Invariant:** nothing of the process changes: no variable, signal, descriptor or panic hook.
//! Tests that use this module can run at the same time.
//!
//! # Example
//!
//! ```
//! use rpcplugin::{PluginSet, testing};
//! use rpcplugin_proto::kv::{GetRequest, PutRequest, kv_client::KvClient, kv_server::KvServer};
//! # use std::sync::Mutex;
//! # use rpcplugin::tonic::{self, Request, Response, Status};
//! # use rpcplugin_proto::kv::{Empty, Entry, GetResponse, ListRequest, kv_server::Kv};
//! # #[derive(Default)]
//! # struct Store(Mutex<Vec<u8>>);
//! # #[tonic::async_trait]
//! # impl Kv for Store {
//! #     type ListStream = tonic::codegen::BoxStream<Entry>;
//! #     async fn get(&self, _: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
//! #         Ok(Response::new(GetResponse { value: self.0.lock().unwrap().clone() }))
//! #     }
//! #     async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
//! #         *self.0.lock().unwrap() = request.into_inner().value;
//! #         Ok(Response::new(Empty {}))
//! #     }
//! #     async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
//! #         Err(Status::unimplemented(""))
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let plugins = PluginSet::new().service(KvServer::new(Store::default()));
//! let plugin = testing::client(plugins).await?;
//! let mut kv = plugin.dispense(KvClient::new);
//! kv.put(PutRequest { key: "greeting".into(), value: b"hello".to_vec() }).await?;
//! let reply = kv.get(GetRequest { key: "greeting".into() }).await?;
//! assert_eq!(reply.into_inner().value, b"hello");
//! # Ok(())
//! # }
//! ```

#[cfg(unix)]
mod fake_host;
#[cfg(unix)]
mod fake_plugin;
mod pair;
mod ready;

pub use self::pair::{Pair, client};
#[cfg(unix)]
pub use self::{
    fake_host::{FakeHost, Hosted, Observed},
    fake_plugin::{FakePlugin, Step},
};
