//! Both sides in this process, without the crates of host and plugin.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_broker::{
    Broker, BrokerOptions, Protection, Reception, Role, Side, check_host_address,
};
use rpcplugin_core::{Address, Error, SecurityError};
use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest,
    kv_client::KvClient,
    kv_server::{Kv, KvServer},
};
use rpcplugin_transport::{
    BoxIo, ChannelOptions, ExpectedPeer, Generation, Listener, PluginChannel, TcpBind, TcpListener,
    UnixBind, UnixListener, memory,
    serving::{Calls, RpcService, boxed},
};
use tempfile::TempDir;
use tokio::{sync::Notify, task::JoinHandle};
use tonic::{Request, Response, Status, body::Body};
use tower::ServiceExt as _;

/// A side with sockets in a directory, or TCP without one.
#[derive(Clone)]
pub struct TestSide {
    pub role: Role,
    pub directory: Option<PathBuf>,
    pub protection: Protection,
    pub only_inside: Option<PathBuf>,
}

impl Side for TestSide {
    fn role(&self) -> Role {
        self.role
    }

    fn listen(&self) -> Result<Box<dyn Listener>, Error> {
        Ok(match &self.directory {
            Some(directory) => Box::new(UnixListener::bind(&UnixBind::new().dir(directory))?),
            None => Box::new(TcpListener::bind(&TcpBind::default())?),
        })
    }

    fn check(&self, address: &Address) -> Result<ExpectedPeer, SecurityError> {
        match (&self.only_inside, address) {
            (Some(directory), Address::Unix(path)) if !path.starts_with(directory) => {
                let reason = "it lies outside".to_owned();
                Err(SecurityError::AddressForbidden { address: address.to_string(), reason })
            }
            _ => check_host_address(address, None),
        }
    }

    fn protection(&self) -> Protection {
        self.protection.clone()
    }

    fn reception(&self) -> Reception {
        Reception::new(Calls::new(Arc::default()))
    }
}

/// Answers the calls of one connection.
pub async fn http2(io: BoxIo, service: RpcService) {
    let service = hyper::service::service_fn(move |request: http::Request<_>| {
        service.clone().oneshot(request.map(Body::new))
    });
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection(TokioIo::new(io), service).await;
}

/// Ends its task when it goes.
pub struct Task(pub JoinHandle<()>);

impl Task {
    pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection in memory to services. Dropping the task cuts it.
pub async fn connected(service: RpcService, generation: &Generation) -> (PluginChannel, Task) {
    let (connector, mut listener) = memory::pair();
    let serving = Task::spawn(async move {
        let accepted = listener.accept().await.unwrap();
        http2(accepted.io, service).await;
    });
    let options = ChannelOptions::new();
    let channel = PluginChannel::connect(connector, options, generation.clone()).await.unwrap();
    (channel, serving)
}

pub fn service_of(broker: &Broker) -> RpcService {
    boxed(broker.service())
}

/// How a pair is set up.
pub struct Setup {
    pub options: BrokerOptions,
    pub tcp: bool,
    pub protection: [Protection; 2],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            options: BrokerOptions::new(),
            tcp: false,
            protection: [Protection::Plaintext, Protection::Plaintext],
        }
    }
}

/// One side alone.
pub struct Alone {
    pub directory: TempDir,
    pub generation: Generation,
    pub broker: Broker,
}

impl Alone {
    pub fn new(role: Role, setup: &Setup) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let index = usize::from(role == Role::Plugin);
        let side = TestSide {
            role,
            directory: (!setup.tcp).then(|| directory.path().to_owned()),
            protection: setup.protection[index].clone(),
            only_inside: None,
        };
        let generation = Generation::new();
        let broker = Broker::new(side, setup.options.clone(), generation.clone());
        Self { directory, generation, broker }
    }

    pub fn sockets(&self) -> usize {
        std::fs::read_dir(self.directory.path()).unwrap().count()
    }

    /// Waits until no socket is left.
    pub async fn no_sockets(&self) {
        eventually(|| self.sockets() == 0).await;
    }
}

/// A host and a plugin, joined.
pub struct Pair {
    pub host: Alone,
    pub plugin: Alone,
    pub running: Task,
    pub serving: Task,
}

impl Pair {
    pub async fn new(setup: Setup) -> Self {
        let host = Alone::new(Role::Host, &setup);
        let plugin = Alone::new(Role::Plugin, &setup);
        let (channel, serving) = connected(service_of(&plugin.broker), &host.generation).await;
        let broker = host.broker.clone();
        let running = Task::spawn(async move {
            let _ = broker.run(channel).await;
        });
        Self { host, plugin, running, serving }
    }

    pub fn brokers(&self) -> (&Broker, &Broker) {
        (&self.host.broker, &self.plugin.broker)
    }
}

/// Answers with its name and the key.
#[derive(Clone)]
pub struct Names(pub String, pub Arc<Notify>);

pub fn names(name: impl Into<String>) -> KvServer<Names> {
    KvServer::new(Names(name.into(), Arc::default()))
}

#[tonic::async_trait]
impl Kv for Names {
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = format!("{}:{}", self.0, request.into_inner().key);
        Ok(Response::new(GetResponse { value: value.into() }))
    }

    /// Waits until it is told to go on.
    async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        self.1.notify_one();
        self.1.notified().await;
        Ok(Response::new(Empty {}))
    }

    type ListStream = futures_util::stream::Empty<Result<Entry, Status>>;

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        Ok(Response::new(futures_util::stream::empty()))
    }
}

/// What the service behind a channel answers.
pub async fn ask(channel: &PluginChannel, key: &str) -> Result<String, Status> {
    let request = GetRequest { key: key.to_owned() };
    let reply = KvClient::new(channel.clone()).get(request).await?;
    Ok(String::from_utf8(reply.into_inner().value.to_vec()).unwrap())
}

/// Fails a test that would hang.
pub async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), future).await.expect("it hangs")
}

pub async fn eventually(mut holds: impl FnMut() -> bool) {
    within(5, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}
