//! The plugin's side of rpcplugin: serve tonic services to the host that started this process.
//!
//! - [`Server`]: a plugin's `main`. Checks the cookie, negotiates, listens, prints the handshake
//!   line, serves, and stops in order.
//! - [`PluginSet`]: the services of one application version; [`Protocol`]: a service with its
//!   descriptors; [`Context`]: what services may ask of the server.
//! - [`ServerHandle`], [`HealthReporter`]: a running server, from outside and from its services;
//!   [`HealthCheck`]: a question that decides about a service's health.
//! - [`TestServer`]: a plugin that was started by hand, for hosts to attach to.
//! - [`stdio`]: the plugin's captured output. [`HclogLayer`]: its log, as go-plugin hosts read it.
//!
//! **Invariants:** nothing but the handshake line appears on the real stdout. No environment that
//! a host sets can panic a plugin: every failure to start is one line on stderr,
//! `error[CODE]: message (hint: …)`, and exit code 1. A plugin does not outlive its host.
//!
//! # Example
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use rpcplugin_core::MagicCookie;
//! use rpcplugin_server::{PluginSet, Server};
//!
//! const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     let plugins = PluginSet::new(); // .service(KvServer::new(Store::default()))
//!     Server::new(COOKIE).plugins(1, plugins).run().await
//! }
//! ```

mod bind;
mod context;
mod controller;
mod dispatch;
mod environment;
mod exit;
mod guard;
mod handle;
mod hclog;
mod health;
mod hooks;
mod live;
mod panic_hook;
mod plugin_set;
mod protocol;
mod reflection;
mod report;
mod security;
mod serve;
mod server;
mod settings;
mod shutdown_file;
mod side;
mod signals;
pub mod stdio;
mod stop;
mod sys;
mod test_server;

pub use rpcplugin_core::{Address, Config, Error, MagicCookie, Network, Reattach};
#[cfg(feature = "tls")]
pub use rpcplugin_tls::{CustomTls, Identity, Roots, TlsVersion};
pub use rpcplugin_transport::serving::RpcService;

pub use self::{
    context::Context,
    handle::ServerHandle,
    hclog::HclogLayer,
    health::{HealthCheck, HealthReporter, Serving},
    plugin_set::PluginSet,
    protocol::Protocol,
    reflection::Reflection,
    server::Server,
    settings::{ListenOn, Signals},
    test_server::TestServer,
};
