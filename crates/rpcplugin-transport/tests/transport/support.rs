//! A plugin in this process, without the server crate.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, stream};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_core::Error;
use rpcplugin_proto::probe::{
    probe_client::ProbeClient,
    probe_server::{Probe, ProbeServer},
};
use rpcplugin_transport::{
    ChannelOptions, Connector, Generation, Listener, PluginChannel, error_from_status, memory,
};
use tokio::{sync::Notify, task::JoinSet};
use tonic::{Code, Request, Response, Status, Streaming};
use tower_service::Service as _;

/// What the handlers of a plugin saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    inner: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    started: AtomicUsize,
    open: AtomicUsize,
    counted: AtomicUsize,
    changed: Notify,
}

impl Seen {
    /// Handlers that ever began.
    pub fn started(&self) -> usize {
        self.inner.started.load(Ordering::SeqCst)
    }

    /// Numbers that `count` has given out so far.
    pub fn counted(&self) -> usize {
        self.inner.counted.load(Ordering::SeqCst)
    }

    /// Waits until so many handlers are at work.
    pub async fn open(&self, count: usize) {
        loop {
            let changed = self.inner.changed.notified();
            if self.inner.open.load(Ordering::SeqCst) == count {
                return;
            }
            changed.await;
        }
    }

    fn enter(&self) -> Working {
        self.inner.started.fetch_add(1, Ordering::SeqCst);
        self.inner.open.fetch_add(1, Ordering::SeqCst);
        self.inner.changed.notify_waiters();
        Working(self.clone())
    }
}

/// A handler at work; dropped when it ends or is cancelled.
struct Working(Seen);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.inner.open.fetch_sub(1, Ordering::SeqCst);
        self.0.inner.changed.notify_waiters();
    }
}

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Probe for Seen {
    type CountStream = Replies<u32>;
    type ChatStream = Replies<Vec<u8>>;

    async fn echo(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Status> {
        let _working = self.enter();
        Ok(Response::new(request.into_inner()))
    }

    async fn count(&self, request: Request<u32>) -> Result<Response<Replies<u32>>, Status> {
        let working = self.enter();
        let numbers = stream::iter(0..request.into_inner()).map(move |number| {
            working.0.inner.counted.fetch_add(1, Ordering::SeqCst);
            Ok(number)
        });
        Ok(Response::new(Box::pin(numbers)))
    }

    async fn sum(&self, request: Request<Streaming<u32>>) -> Result<Response<u32>, Status> {
        let _working = self.enter();
        let mut numbers = request.into_inner();
        let mut sum = 0;
        while let Some(number) = numbers.message().await? {
            sum += number;
        }
        Ok(Response::new(sum))
    }

    async fn chat(
        &self,
        request: Request<Streaming<Vec<u8>>>,
    ) -> Result<Response<Replies<Vec<u8>>>, Status> {
        let working = self.enter();
        let echoes = request.into_inner().map(move |message| {
            let _held = &working;
            message
        });
        Ok(Response::new(Box::pin(echoes)))
    }

    async fn blob(&self, request: Request<u32>) -> Result<Response<Vec<u8>>, Status> {
        Ok(Response::new(vec![0; request.into_inner() as usize]))
    }

    async fn sleep(&self, request: Request<u32>) -> Result<Response<()>, Status> {
        let _working = self.enter();
        tokio::time::sleep(Duration::from_millis(request.into_inner().into())).await;
        Ok(Response::new(()))
    }

    async fn fail(&self, request: Request<String>) -> Result<Response<()>, Status> {
        let text = request.into_inner();
        let (code, message) = text.split_once(':').unwrap();
        let mut status = Status::with_details(
            Code::from_i32(code.parse().unwrap()),
            message,
            bytes::Bytes::from_static(b"\x01details\xff"),
        );
        status.metadata_mut().insert("x-reason", "asked for".parse().unwrap());
        Err(status)
    }

    async fn panic(&self, _: Request<String>) -> Result<Response<()>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn print(&self, _: Request<String>) -> Result<Response<()>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn log(&self, _: Request<String>) -> Result<Response<()>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn environment(&self, _: Request<()>) -> Result<Response<String>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn descriptors(&self, _: Request<()>) -> Result<Response<String>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn serve(&self, _: Request<()>) -> Result<Response<u32>, Status> {
        Err(Status::unimplemented("it has no broker"))
    }

    async fn dial(&self, _: Request<u32>) -> Result<Response<Vec<u8>>, Status> {
        Err(Status::unimplemented("it has no broker"))
    }
}

/// A plugin that listens. Dropping it ends it as a kill would.
#[derive(Debug)]
pub struct Plugin {
    pub seen: Seen,
    hang_up: Arc<Notify>,
    accepted: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Plugin {
    pub fn serve(mut listener: impl Listener) -> Self {
        let seen = Seen::default();
        let hang_up = Arc::new(Notify::new());
        let accepted = Arc::new(AtomicUsize::new(0));
        let mut serving = JoinSet::new();
        let (service, hung_up, count) = (seen.clone(), hang_up.clone(), accepted.clone());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    () = hung_up.notified() => connections.abort_all(),
                    taken = listener.accept() => {
                        let io = TokioIo::new(taken.unwrap().io);
                        count.fetch_add(1, Ordering::SeqCst);
                        let server = ProbeServer::new(service.clone())
                            .max_decoding_message_size(usize::MAX);
                        connections.spawn(async move {
                            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                                .max_concurrent_streams(256)
                                .serve_connection(io, hyper::service::service_fn(
                                    move |request| server.clone().call(request),
                                ))
                                .await;
                        });
                    }
                }
            }
        });
        Self { seen, hang_up, accepted, _serving: serving }
    }

    /// Closes all connections and goes on listening.
    pub fn hang_up(&self) {
        self.hang_up.notify_one();
    }

    /// Connections that were ever accepted.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// A host's view of a plugin in memory.
pub struct Host {
    pub plugin: Plugin,
    pub generation: Generation,
    pub channel: PluginChannel,
}

impl Host {
    pub async fn new() -> Self {
        Self::with(ChannelOptions::new()).await
    }

    pub async fn with(options: ChannelOptions) -> Self {
        let (connector, listener) = memory::pair();
        let plugin = Plugin::serve(listener);
        let generation = Generation::new();
        let channel = PluginChannel::connect(connector, options, generation.clone()).await.unwrap();
        Self { plugin, generation, channel }
    }

    pub fn client(&self) -> ProbeClient<PluginChannel> {
        client(&self.channel)
    }
}

pub fn client(channel: &PluginChannel) -> ProbeClient<PluginChannel> {
    ProbeClient::new(channel.clone())
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX)
}

pub async fn connect(connector: impl Connector) -> Result<PluginChannel, Error> {
    PluginChannel::connect(connector, ChannelOptions::new(), Generation::new()).await
}

/// The code of the error that a call's status stands for.
pub fn code(status: &Status) -> &'static str {
    error_from_status(status).code()
}

/// Fails a test that would hang.
pub async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), future).await.expect("it hangs")
}

/// Waits until only this many tasks of the runtime are alive.
pub async fn tasks_left(count: usize) {
    let metrics = tokio::runtime::Handle::current().metrics();
    within(5, async {
        while metrics.num_alive_tasks() > count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
