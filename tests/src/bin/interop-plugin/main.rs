//! The plugin that hosts of other libraries load: `Probe`, `KV`, `StreamerService` and `Counter`, in
//! versions 1 and 2.
//!
//! Usage: `interop-plugin [versions=2,3] [certificates=DIR] [issue=DIR] [standalone=SOCKET|tcp]
//! [unix|tcp]`. The cookie is that of go-plugin's key-value example, so that the example's own host
//! can load it. `issue` makes certificates and ends; with `certificates` it serves with those of
//! the directory, and `standalone` without a host that has started it.

use std::{env, path::Path, process::ExitCode};

use rpcplugin::{MagicCookie, PluginSet, Server, server::Context};
use rpcplugin_core::{Network, limits};
use rpcplugin_proto::{
    counter::counter_server::CounterServer, kv, kv::kv_server::KvServer, probe,
    probe::probe_server::ProbeServer,
};
use rpcplugin_tests::certificates;

mod counter;
mod file_store;
#[path = "../test-plugin/report.rs"]
mod report;
mod standalone;
mod streamer;
#[path = "../test-plugin/test_probe.rs"]
mod test_probe;

const COOKIE: MagicCookie = MagicCookie::new("BASIC_PLUGIN", "hello");

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let is_tcp = arguments.iter().any(|argument| argument == "tcp");
    let network = if is_tcp { Network::Tcp } else { Network::Unix };
    let value = |name| arguments.iter().find_map(|argument| argument.strip_prefix(name));
    if let Some(dir) = value("issue=") {
        certificates::issue(Path::new(dir)).expect("certificates can be made and written");
        return ExitCode::SUCCESS;
    }
    let versions = value("versions=");
    let mut server = Server::new(COOKIE).transports([network]);
    for version in versions.unwrap_or("1,2").split(',') {
        let version = version.parse().expect("versions are numbers");
        let probe = |context: &Context| {
            ProbeServer::new(test_probe::TestProbe::new(context))
                .max_decoding_message_size(limits::MESSAGE)
                .max_encoding_message_size(limits::MESSAGE)
        };
        let set = PluginSet::new()
            .service(KvServer::new(file_store::FileStore))
            .service(streamer::Streamer::default())
            .service_with(probe)
            .service_with(|context| {
                CounterServer::new(counter::FileCounter { broker: context.broker() })
            })
            .descriptors(kv::FILE_DESCRIPTOR_SET)
            .descriptors(probe::FILE_DESCRIPTOR_SET);
        server = server.plugins(version, set);
    }
    if let Some(dir) = value("certificates=") {
        let tls = certificates::side(Path::new(dir), "plugin");
        server = server.custom_tls(tls.expect("the directory holds the plugin's certificates"));
    }
    match value("standalone=") {
        Some(at) => standalone::serve(server, at).await,
        None => server.run().await,
    }
}
