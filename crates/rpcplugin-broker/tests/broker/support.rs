//! Both sides in this process, without the crates of host and plugin.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_broker::{
    Broker, BrokerOptions, BrokeredService, Protection, Role, Side, SideConnection,
    check_host_address,
};
use rpcplugin_core::{Address, Error, SecurityError};
use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest,
    kv_client::KvClient,
    kv_server::{Kv, KvServer},
};
use rpcplugin_tls::{TlsAcceptor, TlsLayer};
use rpcplugin_transport::{
    Accepted, BoxIo, ChannelOptions, ExpectedPeer, FrameLimit, Generation, Listener, PluginChannel,
    TcpBind, TcpListener, UnixBind, UnixListener, memory,
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
    pub tls: Option<(TlsLayer, TlsAcceptor)>,
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

    fn welcomes(&self, connection: &Accepted) -> bool {
        connection.peer.is_same_user()
    }

    fn check(&self, address: &Address) -> Result<ExpectedPeer, SecurityError> {
        match (&self.only_inside, address) {
            (Some(directory), Address::Unix(path)) if !path.starts_with(directory) => {
                let reason = "it lies outside".to_owned();
                Err(SecurityError::AddressForbidden { address: address.to_string(), reason })
            }
            _ => check_host_address(address),
        }
    }

    fn protection(&self) -> Protection {
        match &self.tls {
            Some((layer, _)) => Protection::Mutual(Box::new(layer.clone())),
            None => Protection::Plaintext,
        }
    }

    fn serve(&self, connection: SideConnection) -> BoxFuture<'static, ()> {
        let tls = self.tls.clone();
        Box::pin(async move {
            let SideConnection { accepted, service, closing, max_receive_message_size, .. } =
                connection;
            let limit = max_receive_message_size.unwrap_or(usize::MAX);
            let service =
                BrokeredService::new(service.map_request(move |request: http::Request<Body>| {
                    request.map(|body| Body::new(FrameLimit::new(body, limit, "the test's limit")))
                }));
            let io: BoxIo = match tls {
                None => accepted.io,
                Some((_, acceptor)) => match acceptor.accept(accepted.io).await {
                    Ok(io) => Box::new(io),
                    Err(_) => return,
                },
            };
            http2(io, service, closing).await;
        })
    }
}

/// Answers the calls of one connection.
pub async fn http2(io: BoxIo, service: BrokeredService, closing: BoxFuture<'static, ()>) {
    let service = hyper::service::service_fn(move |request: http::Request<_>| {
        service.clone().oneshot(request.map(Body::new))
    });
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(io), service));
    tokio::select! {
        _ = serving.as_mut() => {}
        () = closing => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
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
pub async fn connected(service: BrokeredService, generation: &Generation) -> (PluginChannel, Task) {
    let (connector, mut listener) = memory::pair();
    let serving = Task::spawn(async move {
        let accepted = listener.accept().await.unwrap();
        http2(accepted.io, service, Box::pin(std::future::pending())).await;
    });
    let options = ChannelOptions::new();
    let channel = PluginChannel::connect(connector, options, generation.clone()).await.unwrap();
    (channel, serving)
}

pub fn service_of(broker: &Broker) -> BrokeredService {
    BrokeredService::new(broker.service())
}

/// How a pair is set up.
pub struct Setup {
    pub options: BrokerOptions,
    pub tcp: bool,
    pub tls: Option<[(TlsLayer, TlsAcceptor); 2]>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { options: BrokerOptions::new(), tcp: false, tls: None }
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
            tls: setup.tls.as_ref().map(|tls| tls[index].clone()),
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
