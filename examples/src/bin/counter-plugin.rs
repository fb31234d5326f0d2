//! A plugin that keeps counters and lets its host do the sums. Its host: `counter-host`.

use std::{collections::HashMap, process::ExitCode};

use rpcplugin::{PluginSet, Server, broker::Broker, tonic};
use rpcplugin_examples::COOKIE;
use rpcplugin_proto::counter::{
    Empty, FILE_DESCRIPTOR_SET, GetRequest, GetResponse, PutRequest, SumRequest,
    add_helper_client::AddHelperClient,
    counter_server::{Counter, CounterServer},
};
use tokio::sync::Mutex;
use tonic::{Request, Response, Status};

struct Counters {
    broker: Broker,
    values: Mutex<HashMap<String, i64>>,
}

#[tonic::async_trait]
impl Counter for Counters {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = self.values.lock().await.get(&request.get_ref().key).copied();
        let value = value.ok_or_else(|| Status::not_found("no such counter"))?;
        Ok(Response::new(GetResponse { value }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        let PutRequest { add_server, key, value } = request.into_inner();
        // Under this number the host serves what does its sums.
        let channel = self.broker.dial(add_server).await;
        let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;

        let mut values = self.values.lock().await;
        let counter = values.entry(key).or_default();
        let sum = AddHelperClient::new(channel).sum(SumRequest { a: *counter, b: value }).await?;
        *counter = sum.into_inner().r;
        Ok(Response::new(Empty {}))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let plugins = PluginSet::new()
        .service_with(|context| {
            let (broker, values) = (context.broker(), Mutex::default());
            CounterServer::new(Counters { broker, values })
        })
        .descriptors(FILE_DESCRIPTOR_SET);
    Server::new(COOKIE).plugins(1, plugins).run().await
}
