//! The host's side of rpcplugin: start a plugin, call it, end it.
//!
//! - [`Client`]: a running plugin; [`Builder`]: how it is started; [`ClientSet`]: several plugins
//!   that end together.
//! - [`Tls`], [`ClientAuthentication`], [`AddressException`], [`Stdin`]: the choices that weaken or
//!   widen something, by name.
//! - [`ShutdownReport`], [`State`], [`Timings`], [`Usage`]: what became of it.
//! - [`Stdio`], [`HealthWatch`], [`StateChanges`]: streams of what happens to it.
//! - `Client::call_method` and its kin (feature `dynamic`): calls without generated code.
//!
//! The wire protocol is go-plugin's, so plugins written with go-plugin or pyvider-rpcplugin are
//! started the same way.
//!
//! **Invariants:** every public operation ends by a deadline. Nothing is left behind after any
//! start, stop, crash, cancel or drop: no process, directory, socket, descriptor or task. No byte
//! that a plugin sends can panic, wedge or exhaust its host. With [`Tls::Auto`] nothing is ever
//! sent to anybody but the holder of the announced certificate.
//!
//! # Example
//!
//! ```no_run
//! use rpcplugin_client::Client;
//! use rpcplugin_core::MagicCookie;
//! use tokio::process::Command;
//!
//! const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
//!
//! # async fn run() -> Result<(), rpcplugin_core::Error> {
//! let plugin = Client::builder(COOKIE).spawn(Command::new("./kv-plugin")).await?;
//! println!("pid {}, version {}", plugin.pid(), plugin.version());
//! // let mut kv = plugin.dispense(KvClient::new);
//! plugin.shutdown().await?;
//! # Ok(())
//! # }
//! ```

mod accept;
mod address_policy;
mod attached;
mod broker;
mod builder;
mod client;
mod client_set;
mod connect;
#[cfg(feature = "config-files")]
mod discover;
#[cfg(feature = "dynamic")]
mod dynamic;
mod environment;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod in_process;
#[cfg_attr(not(unix), expect(dead_code, reason = "there the start refuses all checks"))]
mod integrity;
mod isolation;
mod ladder;
mod life;
mod limits;
mod live;
mod liveness;
mod logs;
mod options;
mod output;
mod plan;
mod process;
mod protection;
mod ready;
mod remote;
mod report;
mod runner;
mod settings;
mod shutdown;
mod start;
mod state;
mod stdio;
mod supervise;
#[cfg(unix)]
mod sys;
mod timings;
mod tls;
mod usage;

#[cfg(feature = "config-files")]
pub use self::discover::{Discovery, Found, Manifest, Rejected, discover};
#[cfg(feature = "dynamic")]
#[cfg_attr(docsrs, doc(cfg(feature = "dynamic")))]
pub use self::dynamic::{
    CallKind, CallOptions, Compression, MethodInfo, Replies, Reply, Service, ServiceInfo,
    parse_json,
};
pub use rpcplugin_broker::{Broker, ServiceId};
pub use rpcplugin_core::{
    Config, CrashReport, Error, ExitStatus, MagicCookie, Network, Peak, ReachedLimit, Reattach,
};
#[cfg(feature = "tls")]
pub use rpcplugin_tls::{Certificate, CustomTls, Identity, KeyType, Roots, TlsInfo};
pub use rpcplugin_transport::PluginChannel;

pub use self::{
    address_policy::AddressException,
    builder::Builder,
    client::Client,
    client_set::ClientSet,
    health::{HealthWatch, ServingStatus},
    in_process::InProcess,
    isolation::AllowedPath,
    limits::Limits,
    process::Stdin,
    runner::{
        AddressMap, HostProcess, MappedDir, ProcessRunner, Runner, RunnerLaunch, RunnerProcess,
    },
    shutdown::{ShutdownOutcome, ShutdownReport},
    state::{State, StateChanges},
    stdio::{Stdio, StdioChunk, StdioStream},
    timings::Timings,
    tls::{ClientAuthentication, Tls},
    usage::Usage,
};
