use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest, kv_server::Kv,
};
use tonic::{Request, Response, Status};

/// Values by name, in memory: what `kv-plugin` serves.
#[derive(Debug, Default)]
pub struct Store(Mutex<BTreeMap<String, Vec<u8>>>);

#[tonic::async_trait]
impl Kv for Store {
    type ListStream = tokio_stream::Iter<std::vec::IntoIter<Result<Entry, Status>>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let key = request.into_inner().key;
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value =
            store.get(&key).ok_or_else(|| Status::not_found(format!("no value named {key:?}")))?;
        Ok(Response::new(GetResponse { value: value.clone() }))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        let PutRequest { key, value } = request.into_inner();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
        Ok(Response::new(Empty {}))
    }

    async fn list(
        &self,
        request: Request<ListRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        let prefix = request.into_inner().prefix;
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entries: Vec<_> = store
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(key, value)| Ok(Entry { key: key.clone(), value: value.clone() }))
            .collect();
        Ok(Response::new(tokio_stream::iter(entries)))
    }
}
