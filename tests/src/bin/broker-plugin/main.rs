//! A plugin whose key-value service opens side channels on request.
//!
//! | Key | Answer |
//! | --- | --- |
//! | `serve NAME` | the number under which the same service is served, as `NAME` |
//! | `dial ID KEY` | what the host answers to `KEY` under that number |
//! | `close ID` | nothing; the number is closed |
//! | `unclaimed` | how many offers of the host nobody has claimed |
//! | any other | `NAME:KEY`, with `plugin` for the main connection's `NAME` |
//!
//! With the argument `debug-attach` it serves in test mode, with its record `names` on stdout,
//! unless a host in Go has started it.

use std::process::ExitCode;

use rpcplugin::{PluginSet, Server, broker::Broker};
use rpcplugin_core::{MagicCookie, Network};
use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest,
    kv_client::KvClient,
    kv_server::{Kv, KvServer},
};
use tonic::{Request, Response, Status};

#[tokio::main]
async fn main() -> ExitCode {
    let plugins = PluginSet::new().service_with(|context| {
        KvServer::new(Names { name: "plugin".to_owned(), broker: context.broker() })
    });
    let server = Server::new(cookie()).plugins(1, plugins);
    // Hosts of other libraries cannot choose.
    let tcp = std::env::args().any(|argument| argument == "tcp");
    let server = if tcp { server.transports([Network::Tcp]) } else { server };
    let by_hand = std::env::var_os("BASIC_PLUGIN").is_none();
    if by_hand && std::env::args().any(|argument| argument == "debug-attach") {
        return server.debug_attach("names").await;
    }
    server.run().await
}

/// That of the hosts in Go, if one of them started this.
fn cookie() -> MagicCookie {
    match std::env::var_os("BASIC_PLUGIN") {
        Some(_) => MagicCookie::new("BASIC_PLUGIN", "hello"),
        None => rpcplugin_tests::COOKIE,
    }
}

#[derive(Clone, Debug)]
struct Names {
    name: String,
    broker: Broker,
}

impl Names {
    async fn answer(&self, key: &str) -> Result<String, Status> {
        let mut words = key.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("serve"), Some(name), None) => {
                let named = Self { name: name.to_owned(), broker: self.broker.clone() };
                let served = self.broker.serve(KvServer::new(named)).await.map_err(status)?;
                Ok(served.keep().to_string())
            }
            (Some("dial"), Some(id), Some(key)) => {
                let channel = self.broker.dial(number(id)?).await.map_err(status)?;
                let request = GetRequest { key: key.to_owned() };
                let reply = KvClient::new(channel).get(request).await?.into_inner();
                Ok(String::from_utf8_lossy(&reply.value).into_owned())
            }
            (Some("close"), Some(id), None) => {
                self.broker.close(number(id)?);
                Ok(String::new())
            }
            (Some("unclaimed"), None, None) => Ok(self.broker.counts().unclaimed.to_string()),
            _ => Ok(format!("{}:{key}", self.name)),
        }
    }
}

#[tonic::async_trait]
impl Kv for Names {
    type ListStream = tokio_stream::Empty<Result<Entry, Status>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = self.answer(&request.into_inner().key).await?;
        Ok(Response::new(GetResponse { value: value.into() }))
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented("it stores nothing"))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        Err(Status::unimplemented("it stores nothing"))
    }
}

fn number(word: &str) -> Result<u32, Status> {
    word.parse().map_err(|_| Status::invalid_argument(format!("no number: {word:?}")))
}

fn status(error: rpcplugin_core::Error) -> Status {
    Status::aborted(format!("{}: {error}", error.code()))
}
