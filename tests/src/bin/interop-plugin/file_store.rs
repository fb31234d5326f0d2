use std::path::PathBuf;

use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest, kv_server::Kv,
};
use tokio::fs;
use tokio_stream::Empty as NoEntries;
use tonic::{Request, Response, Status};

/// A store that outlives the plugin: a file of the working directory for each key.
///
/// go-plugin's example host starts a plugin to put a value and another one to get it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileStore;

#[tonic::async_trait]
impl Kv for FileStore {
    type ListStream = NoEntries<Result<Entry, Status>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = fs::read(path(&request.into_inner().key)?).await?;
        Ok(Response::new(GetResponse { value }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        let PutRequest { key, value } = request.into_inner();
        fs::write(path(&key)?, value).await?;
        Ok(Response::new(Empty {}))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        // go-plugin's example has no such method.
        Err(Status::unimplemented("this store cannot list"))
    }
}

fn path(key: &str) -> Result<PathBuf, Status> {
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Status::invalid_argument(format!("not a key: {key:?}")));
    }
    Ok(format!("kv_{key}").into())
}
