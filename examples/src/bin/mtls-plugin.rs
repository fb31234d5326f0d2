//! The key-value plugin with certificates of an authority, which may change while it serves. Its
//! host says where they are: `mtls-plugin DIRECTORY`.

use std::process::ExitCode;

use rpcplugin::{
    Error, PluginSet, Server,
    tls::{CertDirectory, CertManager, CustomTls},
};
use rpcplugin_examples::{COOKIE, Store};
use rpcplugin_proto::kv::kv_server::KvServer;

#[tokio::main]
async fn main() -> ExitCode {
    let manager = match manager().await {
        Ok(manager) => manager,
        Err(error) => {
            eprintln!("mtls-plugin: {error}");
            return ExitCode::FAILURE;
        }
    };
    let plugins = PluginSet::new().service(KvServer::new(Store::default()));
    Server::new(COOKIE).plugins(1, plugins).custom_tls(CustomTls::managed(&manager)).run().await
}

async fn manager() -> Result<CertManager, Error> {
    let directory = std::env::args_os().nth(1).unwrap_or_else(|| "certificates".into());
    Ok(CertDirectory::new(directory)?.manage_server().start().await?)
}
