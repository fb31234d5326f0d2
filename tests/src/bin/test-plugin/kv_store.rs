use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest, kv_server::Kv,
};
use tokio_stream::Iter;
use tonic::{Request, Response, Status};

type Map = BTreeMap<String, Vec<u8>>;

/// Keys and values in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store(Arc<Mutex<Map>>);

impl Store {
    fn map(&self) -> std::sync::MutexGuard<'_, Map> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl Kv for Store {
    type ListStream = Iter<std::vec::IntoIter<Result<Entry, Status>>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let key = request.into_inner().key;
        let value = self.map().get(&key).cloned();
        let value = value.ok_or_else(|| Status::not_found(format!("no key {key:?}")))?;
        Ok(Response::new(GetResponse { value }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        let PutRequest { key, value } = request.into_inner();
        self.map().insert(key, value);
        Ok(Response::new(Empty {}))
    }

    async fn list(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        let prefix = request.into_inner().prefix;
        let map = self.map();
        let entries: Vec<_> = map
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(key, value)| Ok(Entry { key: key.clone(), value: value.clone() }))
            .collect();
        Ok(Response::new(tokio_stream::iter(entries)))
    }
}
