//! A server and its clients in one process, over an in-memory transport.
#![expect(clippy::unwrap_used, reason = "helpers fail their test this way")]

#[path = "support/probe.rs"]
mod probe;

#[path = "in_process/alone.rs"]
mod alone;
#[path = "in_process/calls.rs"]
mod calls;
#[path = "in_process/connections.rs"]
mod connections;
#[path = "in_process/floods.rs"]
mod floods;
#[path = "in_process/moments.rs"]
mod moments;
#[path = "in_process/services.rs"]
mod services;
#[path = "in_process/stopping.rs"]
mod stopping;
#[cfg(feature = "tls")]
#[path = "in_process/tls.rs"]
mod tls;

use rpcplugin_core::{Error, MagicCookie};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_server::{PluginSet, Server, ServerHandle};
use rpcplugin_transport::{
    ChannelOptions, Generation, PluginChannel,
    memory::{self, MemoryConnector},
};
use tokio::task::JoinHandle;

const COOKIE: MagicCookie = MagicCookie::new("SERVER_TEST_COOKIE", "in process");

/// A server that runs, and what reaches it.
struct Running {
    handle: ServerHandle,
    served: JoinHandle<Result<(), Error>>,
    connector: MemoryConnector,
}

impl Running {
    async fn start(server: Server) -> Self {
        let (connector, listener) = memory::pair();
        let handle = server.handle();
        let served = tokio::spawn(server.serve_on(listener, 1));
        handle.ready().await.unwrap();
        Self { handle, served, connector }
    }

    /// The probe alone.
    async fn probe() -> Self {
        Self::start(with(PluginSet::new().service(probe::service()))).await
    }

    async fn channel(&self) -> PluginChannel {
        let connector = self.connector.clone();
        let options = ChannelOptions::default();
        PluginChannel::connect(connector, options, Generation::new()).await.unwrap()
    }

    async fn client(&self) -> ProbeClient<PluginChannel> {
        let most = i32::MAX as usize;
        let client = ProbeClient::new(self.channel().await);
        client.max_decoding_message_size(most).max_encoding_message_size(most)
    }
}

/// A server with this set as version 1.
fn with(set: PluginSet) -> Server {
    Server::new(COOKIE).plugins(1, set)
}

/// Why a server does not start.
async fn refused(server: Server) -> Error {
    let (_connector, listener) = memory::pair();
    server.serve_on(listener, 1).await.unwrap_err()
}
