use std::path::PathBuf;

use rpcplugin::broker::Broker;
use rpcplugin_proto::counter::{
    Empty, GetRequest, GetResponse, PutRequest, SumRequest, add_helper_client::AddHelperClient,
    counter_server::Counter,
};
use tokio::fs;
use tonic::{Request, Response, Status};

/// Counters that outlive the plugin, in files, as those of go-plugin's example with callbacks do.
#[derive(Clone, Debug)]
pub(crate) struct FileCounter {
    pub(crate) broker: Broker,
}

#[tonic::async_trait]
impl Counter for FileCounter {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = read(&request.into_inner().key).await?;
        Ok(Response::new(GetResponse { value }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        let PutRequest { add_server, key, value } = request.into_inner();
        let channel = self.broker.dial(add_server).await;
        let channel = channel.map_err(|error| Status::aborted(error.to_string()))?;
        let a = read(&key).await.unwrap_or_default();
        let sum = AddHelperClient::new(channel).sum(SumRequest { a, b: value }).await?;
        fs::write(path(&key)?, sum.into_inner().r.to_string()).await?;
        Ok(Response::new(Empty {}))
    }
}

async fn read(key: &str) -> Result<i64, Status> {
    let text = fs::read_to_string(path(key)?).await?;
    text.parse().map_err(|_| Status::data_loss("no number"))
}

fn path(key: &str) -> Result<PathBuf, Status> {
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Status::invalid_argument(format!("not a key: {key:?}")));
    }
    Ok(format!("counter_{key}").into())
}
