//! A plugin that behaves, with the services `Probe`, `KV` and `Provider`.
//!
//! | Argument | Effect |
//! | --- | --- |
//! | `versions=1,2` | the versions that it serves; 1 if absent |
//! | `require-tls` | refuses hosts that bring no certificate |
//! | `detach` | outlives its host |
//! | `debug-attach` | serves in test mode, with its record `kv` on stdout |
//! | `say=TEXT` | prints the text, and logs it as a warning, when it is ready |
//! | `standalone=DIR` | serves on loopback with the certificates of that directory |
//! | `rotating=DIR` | the same, with the certificates that the directory has now, and tells when it has others |
//! | `leaf=PROGRAM report=FILE` | is itself the host of another plugin, and tells of it |
//!
//! `TEST_PLUGIN_REPORT` names a pipe to which handlers report what a reply cannot tell.

use std::{io::Write as _, process::ExitCode};

use rpcplugin::{PluginSet, Server, server::Context};
use rpcplugin_core::limits;
use rpcplugin_proto::{
    kv,
    kv::kv_server::KvServer,
    probe,
    probe::probe_server::ProbeServer,
    provider::{self as provider_proto, provider_server::ProviderServer},
};
use tonic::codec::CompressionEncoding;

mod kv_store;
mod nest;
mod provider;
mod report;
mod standalone;
mod test_probe;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Before this plugin is one, while its environment still holds what its host gave it.
    let leaf = match (value(&arguments, "leaf="), value(&arguments, "report=")) {
        (Some(leaf), Some(report)) => match nest::start(leaf, report.as_ref()).await {
            Ok(leaf) => Some(leaf),
            Err(error) => {
                eprintln!("the leaf did not start: {error:#}");
                return ExitCode::FAILURE;
            }
        },
        _ => None,
    };
    let store = kv_store::Store::default();
    let provider = ProviderServer::new(provider::TestProvider)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip);
    let mut server = Server::new(rpcplugin_tests::COOKIE);
    for version in versions(&arguments) {
        let probe = |context: &Context| {
            ProbeServer::new(test_probe::TestProbe::new(context))
                .max_decoding_message_size(limits::MESSAGE)
                .max_encoding_message_size(limits::MESSAGE)
        };
        let set = PluginSet::new()
            .service(KvServer::new(store.clone()))
            .service(provider.clone())
            .service_with(probe)
            .descriptors(kv::FILE_DESCRIPTOR_SET)
            .descriptors(probe::FILE_DESCRIPTOR_SET)
            .descriptors(provider_proto::FILE_DESCRIPTOR_SET);
        server = server.plugins(version, set);
    }
    if arguments.iter().any(|argument| argument == "require-tls") {
        server = server.require_tls();
    }
    if let Some(text) = value(&arguments, "say=").map(str::to_owned) {
        server = server.on_ready(async move || {
            tracing::warn!(length = text.len(), "{text}");
            let mut stdout = std::io::stdout();
            let printed = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
            printed.expect("the host reads");
        });
    }
    if arguments.iter().any(|argument| argument == "detach") {
        server = server.detach();
    }
    if arguments.iter().any(|argument| argument == "debug-attach") {
        return server.debug_attach("kv").await;
    }
    if let Some(directory) = value(&arguments, "standalone=") {
        return match standalone::serve(server, directory.as_ref()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("no server: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(directory) = value(&arguments, "rotating=") {
        return match standalone::rotate(server, directory.as_ref()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("no server: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    let ended = server.run().await;
    if let Some(leaf) = leaf {
        // How it ends is not this plugin's story.
        let _ = leaf.shutdown().await;
    }
    ended
}

fn versions(arguments: &[String]) -> Vec<u32> {
    let versions = value(arguments, "versions=").unwrap_or("1").split(',');
    versions.map(|version| version.parse().expect("versions are numbers")).collect()
}

fn value<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments.iter().find_map(|argument| argument.strip_prefix(name))
}
