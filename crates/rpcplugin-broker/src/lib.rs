//! Numbered side channels between host and plugin, compatible with go-plugin's broker.
//!
//! - [`Broker`]: serves tonic services under a number, and dials the numbers of the other side.
//! - [`Services`], [`Served`]: what a side channel serves, and its life.
//! - [`Multiplexer`]: the one connection, if side channels have no listeners of their own.
//! - [`Side`]: what a broker needs of host or plugin: listeners, address policy, TLS
//!   ([`Protection`]), and the limits on calls ([`Reception`]).
//!
//! **Invariants:** apart from its [`Side`] a broker is the same in host and plugin. No message of
//! the peer can panic it, block it, or make it keep more than
//! [`max_pending`](BrokerOptions::max_pending) offers that nobody claims, or knocks and promises
//! whose stream has not come. It announces nothing that does not listen yet. Whatever ends a side
//! channel, its listener, its socket and its tasks end with it.
//!
//! # Example
//!
//! A handler that hands the number of a service to the other side:
//!
//! ```
//! use rpcplugin_broker::Broker;
//! use rpcplugin_core::Error;
//! use rpcplugin_proto::kv::{kv_client::KvClient, kv_server::{Kv, KvServer}};
//! use rpcplugin_transport::PluginChannel;
//!
//! async fn offer(broker: &Broker, store: impl Kv) -> Result<u32, Error> {
//!     let served = broker.serve(KvServer::new(store)).await?;
//!     Ok(served.keep().get())
//! }
//!
//! async fn accept(broker: &Broker, id: u32) -> Result<KvClient<PluginChannel>, Error> {
//!     Ok(KvClient::new(broker.dial(id).await?))
//! }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
mod logged;

mod broker;
mod dial;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod ids;
mod message;
mod mux;
mod offers;
mod options;
mod plain;
mod policy;
mod protection;
mod reception;
mod serve;
mod service_id;
mod services;
mod session;
mod shared;
mod side;
mod stream;

#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use self::protection::Mutual;
pub use self::{
    broker::{Broker, Counts},
    mux::{MainConnector, MainListener, Multiplexer},
    options::BrokerOptions,
    policy::check_host_address,
    protection::Protection,
    reception::Reception,
    serve::{ReservedId, Served},
    service_id::ServiceId,
    services::Services,
    side::{Role, Side},
    stream::{Announcements, StreamService},
};
