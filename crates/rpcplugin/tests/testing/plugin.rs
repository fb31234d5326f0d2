//! A good plugin, for hosts that are not. A `get` prints more than any pipe holds.
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::process::ExitCode;

use rpcplugin::{
    MagicCookie, PluginSet, Server,
    tonic::{self, Request, Response, Status, codegen::BoxStream},
};
use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest,
    kv_server::{Kv, KvServer},
};

struct Loud;

#[tonic::async_trait]
impl Kv for Loud {
    type ListStream = BoxStream<Entry>;

    async fn get(&self, _: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        println!("{}", "loud".repeat(256 * 1024));
        Ok(Response::new(GetResponse { value: b"printed".to_vec() }))
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        Err(Status::unimplemented("nothing to list"))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cookie = MagicCookie::new("FACADE_TEST_COOKIE", "loud");
    // Version 3 is one that hosts know; 2 is what is served without a common one.
    let plugins = || PluginSet::new().service(KvServer::new(Loud));
    Server::new(cookie).plugins(2, plugins()).plugins(3, plugins()).run().await
}
