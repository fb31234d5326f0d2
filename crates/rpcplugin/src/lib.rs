//! Child-process plugins over gRPC, with mutual TLS, wire-compatible with HashiCorp go-plugin.
//!
//! A **host** starts a **plugin** as a separate process and calls it as if it were local. Both
//! sides are tonic: a plugin serves the services that tonic generates, a host gets the clients.
//!
//! # A plugin
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use rpcplugin::{MagicCookie, PluginSet, Server};
//! # use rpcplugin::tonic::{self, Request, Response, Status};
//! # use rpcplugin_proto::kv::{*, kv_server::{Kv, KvServer}};
//! # #[derive(Default)]
//! # struct Store;
//! # #[tonic::async_trait]
//! # impl Kv for Store {
//! #     type ListStream = tonic::codegen::BoxStream<Entry>;
//! #     async fn get(&self, _: Request<GetRequest>) -> Result<Response<GetResponse>, Status> { todo!() }
//! #     async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> { todo!() }
//! #     async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> { todo!() }
//! # }
//!
//! const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1c7");
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     let plugins = PluginSet::new().service(KvServer::new(Store::default()));
//!     Server::new(COOKIE).plugins(1, plugins).run().await
//! }
//! ```
//!
//! # A host
//!
//! ```no_run
//! use rpcplugin::{Client, MagicCookie};
//! use tokio::process::Command;
//! # use rpcplugin_proto::kv::{PutRequest, kv_client::KvClient};
//!
//! const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1c7");
//!
//! # async fn greet() -> Result<(), Box<dyn std::error::Error>> {
//! let plugin = Client::builder(COOKIE).spawn(Command::new("./kv-plugin")).await?;
//! let mut kv = plugin.dispense(KvClient::new);
//! kv.put(PutRequest { key: "greeting".into(), value: b"hello".to_vec() }).await?;
//! plugin.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Settings
//!
//! Host and plugin take their settings from the environment and from files; what the program says
//! is the layer below, and every value tells where it came from:
//!
//! ```
//! use std::time::Duration;
//!
//! use rpcplugin::{Client, Config, MagicCookie, config::Source};
//!
//! const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1c7");
//!
//! let config = Config::builder()
//!     .set("plugin_handshake_timeout", "10s")
//!     .environment([("PLUGIN_HANDSHAKE_TIMEOUT", "20")])
//!     .build()?;
//! assert_eq!(config.handshake_timeout(), Duration::from_secs(20));
//! let entry = config.source("plugin_handshake_timeout").unwrap();
//! assert_eq!(entry.source, Source::Variable("PLUGIN_HANDSHAKE_TIMEOUT"));
//! assert_eq!(entry.overridden[0].value, "10s");
//! # #[cfg(feature = "client")]
//! let builder = Client::builder(COOKIE).config(config);
//! # Ok::<(), rpcplugin::Error>(())
//! ```
//!
//! # A protocol
//!
//! A [`Protocol`](server::Protocol) carries the descriptors of an interface and registers its
//! handler, for interfaces that live in a crate of their own:
//!
//! ```
//! use rpcplugin::{PluginSet, server::Protocol};
//! # use rpcplugin::tonic::{self, Request, Response, Status};
//! # use rpcplugin_proto::kv::{*, kv_server::{Kv, KvServer}};
//! # struct Store;
//! # #[tonic::async_trait]
//! # impl Kv for Store {
//! #     type ListStream = tonic::codegen::BoxStream<Entry>;
//! #     async fn get(&self, _: Request<GetRequest>) -> Result<Response<GetResponse>, Status> { todo!() }
//! #     async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> { todo!() }
//! #     async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> { todo!() }
//! # }
//! use rpcplugin_proto::kv;
//! use std::borrow::Cow;
//!
//! struct KvProtocol;
//!
//! impl Protocol for KvProtocol {
//!     type Handler = Store;
//!
//!     fn grpc_descriptors(&self) -> (Cow<'static, [u8]>, Cow<'static, str>) {
//!         (kv::FILE_DESCRIPTOR_SET.into(), kv::kv_server::SERVICE_NAME.into())
//!     }
//!
//!     fn add_to_server(&self, plugins: &mut PluginSet, handler: Store) {
//!         plugins.add(KvServer::new(handler));
//!     }
//! }
//!
//! let plugins = PluginSet::new().protocol(KvProtocol, Store);
//! # let _ = plugins;
//! ```
//!
//! # Features
//!
//! `client`, `server` and `tls` are on by default. A build without `tls` refuses whatever asks
//! for TLS; it never runs plaintext instead. `aws-lc-rs` and `custom-provider` add cryptography to
//! choose with `provider(…)` on either side. `dynamic` adds calls without generated code to
//! `Client` (`call_method` and its kin), `proto-files` descriptors from `.proto` files. `testing`
//! joins both sides in one process, and has partners that misbehave.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(inline)]
pub use rpcplugin_core::{self as core, Config, Error, MagicCookie, config};
#[doc(inline)]
pub use rpcplugin_transport as transport;
/// The tonic that this crate was built with; its types appear in our signatures.
pub use tonic;

#[cfg(any(feature = "client", feature = "server"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "client", feature = "server"))))]
#[doc(inline)]
pub use rpcplugin_broker as broker;
#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
#[doc(inline)]
pub use rpcplugin_client::{self as client, Client, Tls};
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
#[doc(inline)]
pub use rpcplugin_server::{self as server, PluginSet, Server};
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
#[doc(inline)]
pub use rpcplugin_tls as tls;
#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
#[doc(inline)]
pub use rpcplugin_transport::{crash_report, error_from_status};

#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
