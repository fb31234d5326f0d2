//! A plugin that serves two versions at once: values by name in version 1, and in version 2 the
//! same with a service for text beside it. `versions-plugin 1` is the plugin of old, which knows
//! the first only.

use std::process::ExitCode;

use rpcplugin::{PluginSet, Server};
use rpcplugin_examples::{COOKIE, Store, Words};
use rpcplugin_proto::{kv::kv_server::KvServer, text::text_server::TextServer};

#[tokio::main]
async fn main() -> ExitCode {
    let only_old = std::env::args().nth(1).is_some_and(|version| version == "1");
    // Both versions hold one store: what a service keeps is not part of its version.
    let kv = KvServer::from_arc(Store::default().into());
    let server = Server::new(COOKIE).plugins(1, PluginSet::new().service(kv.clone()));
    if only_old {
        return server.run().await;
    }
    let second = PluginSet::new().service(kv).service(TextServer::new(Words::default()));
    server.plugins(2, second).run().await
}
