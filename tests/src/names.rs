use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest,
    kv_server::{Kv, KvServer},
};
use tonic::{Request, Response, Status};

/// A key-value service whose values are its name and the key, as `NAME:KEY`: what a host serves to
/// tell its side channels apart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Names(String);

impl Names {
    /// A server of this name.
    #[must_use]
    pub fn server(name: impl ToString) -> KvServer<Self> {
        KvServer::new(Self(name.to_string()))
    }
}

#[tonic::async_trait]
impl Kv for Names {
    type ListStream = tokio_stream::Empty<Result<Entry, Status>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = format!("{}:{}", self.0, request.into_inner().key);
        Ok(Response::new(GetResponse { value: value.into() }))
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented("it stores nothing"))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        Err(Status::unimplemented("it stores nothing"))
    }
}
