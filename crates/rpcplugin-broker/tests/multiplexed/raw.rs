//! Peers that say whatever they like over a multiplexed connection.

use std::time::Duration;

use rpcplugin_broker::{MainConnector, Multiplexer};
use rpcplugin_core::Error;
use rpcplugin_proto::plugin::{ConnInfo, conn_info::Knock, grpc_broker_client::GrpcBrokerClient};
use rpcplugin_transport::{ChannelOptions, Generation, PluginChannel};
use tokio::sync::mpsc;
use tonic::Streaming;

use crate::{
    pair::{MuxSide, dialled},
    support::{Setup, Task, within},
};

/// A host that says whatever it likes to a plugin's broker, and opens streams when it likes.
pub struct RawHost {
    pub say: mpsc::Sender<ConnInfo>,
    hear: Streaming<ConnInfo>,
    pub plugin: MuxSide,
    connector: MainConnector,
    _multiplexer: Multiplexer,
    _serving: Task,
}

impl RawHost {
    pub async fn new(setup: &Setup) -> Self {
        let (connector, listener) = rpcplugin_transport::memory::pair();
        let (plugin, serving) = MuxSide::plugin(setup, listener);
        let multiplexer = Multiplexer::host(Generation::new());
        multiplexer.run(dialled(connector).await);
        let connector = multiplexer.connector();
        let channel = try_open(&connector).await.unwrap();
        let (say, mut receiver) = mpsc::channel(64);
        let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let hear = GrpcBrokerClient::new(channel).start_stream(stream).await.unwrap().into_inner();
        Self { say, hear, plugin, connector, _multiplexer: multiplexer, _serving: serving }
    }

    pub async fn knock(&self, id: u32) {
        self.say.send(knock(id, false, "")).await.unwrap();
    }

    pub async fn answer(&self, id: u32, error: &str) {
        self.say.send(knock(id, true, error)).await.unwrap();
    }

    pub async fn hear(&mut self) -> ConnInfo {
        within(10, self.hear.message()).await.unwrap().unwrap()
    }

    /// Whether nothing is heard for a while.
    pub async fn hears_nothing(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(50), self.hear.message()).await.is_err()
    }

    /// Opens the next stream.
    pub async fn open(&self) -> PluginChannel {
        self.try_open().await.unwrap()
    }

    /// The same; it fails if the plugin closes it soon enough.
    pub async fn try_open(&self) -> Result<PluginChannel, Error> {
        try_open(&self.connector).await
    }
}

async fn try_open(connector: &MainConnector) -> Result<PluginChannel, Error> {
    let (options, generation) = (ChannelOptions::new(), Generation::new());
    PluginChannel::connect(connector.clone(), options, generation).await
}

pub fn knock(id: u32, ack: bool, error: &str) -> ConnInfo {
    let knock = Knock { knock: true, ack, error: error.to_owned() };
    ConnInfo { service_id: id, knock: Some(knock), ..ConnInfo::default() }
}
