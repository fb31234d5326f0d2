//! The plugin that hosts of other libraries load: `Probe`, `KV` and `StreamerService`, in versions
//! 1 and 2.
//!
//! Usage: `interop-plugin [versions=2,3] [unix|tcp]`. The cookie is that of go-plugin's key-value example, so that
//! the example's own host can load it.

use std::{env, process::ExitCode};

use rpcplugin::{MagicCookie, PluginSet, Server};
use rpcplugin_core::{Network, limits};
use rpcplugin_proto::{kv, kv::kv_server::KvServer, probe, probe::probe_server::ProbeServer};

mod file_store;
#[path = "../test-plugin/report.rs"]
mod report;
mod streamer;
#[path = "../test-plugin/test_probe.rs"]
mod test_probe;

const COOKIE: MagicCookie = MagicCookie::new("BASIC_PLUGIN", "hello");

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let is_tcp = arguments.iter().any(|argument| argument == "tcp");
    let network = if is_tcp { Network::Tcp } else { Network::Unix };
    let versions = arguments.iter().find_map(|argument| argument.strip_prefix("versions="));
    let mut server = Server::new(COOKIE).transports([network]);
    for version in versions.unwrap_or("1,2").split(',') {
        let version = version.parse().expect("versions are numbers");
        let probe = ProbeServer::new(test_probe::TestProbe::new(version))
            .max_decoding_message_size(limits::MESSAGE)
            .max_encoding_message_size(limits::MESSAGE);
        let set = PluginSet::new()
            .service(KvServer::new(file_store::FileStore))
            .service(streamer::Streamer::default())
            .service(probe)
            .descriptors(kv::FILE_DESCRIPTOR_SET)
            .descriptors(probe::FILE_DESCRIPTOR_SET);
        server = server.plugins(version, set);
    }
    server.run().await
}
