//! The key-value plugin with a way in for debuggers: `attach-plugin debug`, started by hand, says
//! how its host reaches it. Its host: `attach-host`.

use std::process::ExitCode;

use rpcplugin::{PluginSet, Server};
use rpcplugin_examples::{COOKIE, Store};
use rpcplugin_proto::kv::kv_server::KvServer;

#[tokio::main]
async fn main() -> ExitCode {
    let plugins = PluginSet::new().service(KvServer::new(Store::default()));
    let server = Server::new(COOKIE).plugins(1, plugins);
    if std::env::args().any(|argument| argument == "debug") {
        return server.debug_attach("kv").await;
    }
    server.run().await
}
