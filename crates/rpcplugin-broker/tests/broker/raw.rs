//! Peers that say whatever they like.

use futures_util::StreamExt as _;
use rpcplugin_proto::plugin::{
    ConnInfo,
    grpc_broker_client::GrpcBrokerClient,
    grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
};
use tokio::sync::{Mutex, mpsc};
use tonic::{Request, Response, Status, Streaming};

use crate::support::{Alone, Task, connected, service_of};

/// A host that says whatever it likes to a plugin's broker.
pub struct RawHost {
    pub say: mpsc::Sender<ConnInfo>,
    pub hear: Streaming<ConnInfo>,
    _serving: Task,
}

impl RawHost {
    pub async fn new(plugin: &Alone) -> Self {
        let generation = rpcplugin_transport::Generation::new();
        let (channel, serving) = connected(service_of(&plugin.broker), &generation).await;
        let (say, mut receiver) = mpsc::channel(64);
        let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let hear = GrpcBrokerClient::new(channel).start_stream(stream).await.unwrap().into_inner();
        Self { say, hear, _serving: serving }
    }

    pub async fn announce(&self, id: u32, network: &str, address: &str) {
        self.say.send(announcement(id, network, address)).await.unwrap();
    }
}

pub fn announcement(id: u32, network: &str, address: &str) -> ConnInfo {
    ConnInfo { service_id: id, network: network.into(), address: address.into(), knock: None }
}

/// A plugin's end of the stream that answers only when it has something to say, as in Go.
pub struct LateHeaders {
    pub heard: mpsc::Sender<ConnInfo>,
    pub first: Mutex<mpsc::Receiver<ConnInfo>>,
}

type Messages = futures_util::stream::BoxStream<'static, Result<ConnInfo, Status>>;

#[tonic::async_trait]
impl GrpcBroker for LateHeaders {
    type StartStreamStream = Messages;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Messages>, Status> {
        let mut incoming = request.into_inner();
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Ok(Some(message)) = incoming.message().await {
                heard.send(message).await.unwrap();
            }
        });
        let first = self.first.lock().await.recv().await.ok_or(Status::aborted("over"))?;
        let rest = futures_util::stream::pending();
        let all = futures_util::stream::once(async { Ok(first) }).chain(rest);
        Ok(Response::new(all.boxed()))
    }
}

/// A Go plugin's side, what it hears, and what it is to say.
pub fn late_headers()
-> (GrpcBrokerServer<LateHeaders>, mpsc::Receiver<ConnInfo>, mpsc::Sender<ConnInfo>) {
    let (heard, hear) = mpsc::channel(16);
    let (say, first) = mpsc::channel(16);
    (GrpcBrokerServer::new(LateHeaders { heard, first: Mutex::new(first) }), hear, say)
}
