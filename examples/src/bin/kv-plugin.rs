//! A plugin that keeps values by name. Its host starts it: `cargo xtask demo` shows both.
//!
//! The service is `src/store.rs`, in the library of this package, so that `tests/kv.rs` can test
//! it without a process.

use std::process::ExitCode;

use rpcplugin::{PluginSet, Server};
use rpcplugin_examples::{COOKIE, Store};
use rpcplugin_proto::kv::{FILE_DESCRIPTOR_SET, kv_server::KvServer};

#[tokio::main]
async fn main() -> ExitCode {
    let plugins =
        PluginSet::new().service(KvServer::new(Store::default())).descriptors(FILE_DESCRIPTOR_SET);
    Server::new(COOKIE).plugins(1, plugins).run().await
}
