//! A service of one plugin: it keeps one value, and puts wait until they are let go on.

use std::sync::Arc;

use rpcplugin::{
    PluginSet,
    tonic::{self, Request, Response, Status, codegen::BoxStream},
};
use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest,
    kv_server::{Kv, KvServer},
};
use tokio::sync::Notify;

/// Answers `get` with the key, and `put` when `gate` is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echo {
    pub(crate) entered: Arc<Notify>,
    pub(crate) gate: Arc<Notify>,
}

impl Echo {
    pub(crate) fn plugins(&self) -> PluginSet {
        PluginSet::new().service(KvServer::new(self.clone()))
    }
}

#[tonic::async_trait]
impl Kv for Echo {
    type ListStream = BoxStream<Entry>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        Ok(Response::new(GetResponse { value: request.into_inner().key.into_bytes() }))
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        self.entered.notify_one();
        self.gate.notified().await;
        Ok(Response::new(Empty {}))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        Err(Status::unimplemented("nothing to list"))
    }
}
