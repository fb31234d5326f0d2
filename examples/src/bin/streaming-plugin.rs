//! A plugin with one method of each kind of call. Its host: `streaming-host`.
//!
//! The service is `src/words.rs`, in the library of this package.

use std::process::ExitCode;

use rpcplugin::{PluginSet, Server};
use rpcplugin_examples::{COOKIE, Words};
use rpcplugin_proto::text::{FILE_DESCRIPTOR_SET, text_server::TextServer};

#[tokio::main]
async fn main() -> ExitCode {
    let words = TextServer::new(Words::default());
    let plugins = PluginSet::new().service(words).descriptors(FILE_DESCRIPTOR_SET);
    Server::new(COOKIE).plugins(1, plugins).run().await
}
