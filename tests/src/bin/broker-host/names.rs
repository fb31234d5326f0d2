//! What this host serves on its side channels.

use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest, kv_server::Kv,
};
use tonic::{Request, Response, Status};

/// Answers with its name and the key.
#[derive(Debug)]
pub(crate) struct Names(pub(crate) String);

#[tonic::async_trait]
impl Kv for Names {
    type ListStream = tokio_stream::Empty<Result<Entry, Status>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = format!("{}:{}", self.0, request.into_inner().key);
        Ok(Response::new(GetResponse { value: value.into() }))
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}
