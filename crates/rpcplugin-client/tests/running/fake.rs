use std::{convert::Infallible, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_client::{AddressException, Builder, Client, MagicCookie, Tls};
use rpcplugin_proto::{
    health::{
        HealthCheckRequest, HealthCheckResponse,
        health_check_response::ServingStatus,
        health_server::{Health, HealthServer},
    },
    plugin::{
        Empty, StdioData,
        grpc_controller_server::{GrpcController, GrpcControllerServer},
        grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
    },
};
use tempfile::TempDir;
use tokio::{net::TcpListener, process::Command, sync::watch, task::JoinHandle};
use tonic::{Status, body::Body};
use tower::ServiceExt as _;

/// Longer than any test may take, so that one that hangs says so.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

const COOKIE: MagicCookie = MagicCookie::new("RUNNING_COOKIE", "value");

/// What the plugin's services do. Everything that is `None` is not implemented.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    pub(crate) health: Option<watch::Receiver<ServingStatus>>,
    /// How often the health service was asked.
    pub(crate) checks: watch::Sender<usize>,
    /// What stands in the stdio service, which stays open afterwards.
    pub(crate) prints: Option<Vec<StdioData>>,
    /// Whether the stdio service is UNAVAILABLE instead of UNIMPLEMENTED where there is none.
    pub(crate) unavailable: bool,
    /// How often the stdio service was asked for a stream.
    pub(crate) streams: watch::Sender<usize>,
    /// Whether it takes the second such call for one too many.
    pub(crate) reluctant: bool,
    pub(crate) obeys: bool,
    /// Whether it answers no call any more.
    pub(crate) deaf: watch::Sender<bool>,
    /// Calls that a connection carries at once.
    pub(crate) most_streams: Option<u32>,
}

/// A plugin whose server lives in this process.
pub(crate) struct Fake {
    pub(crate) base: TempDir,
    pub(crate) builder: Builder,
    pub(crate) command: Command,
    server: JoinHandle<()>,
}

impl Fake {
    /// Announces itself, and ends with code 0 once it was asked to, if it `obeys`.
    pub(crate) async fn new(behaviour: Behaviour) -> Self {
        Self::with_script(
            behaviour,
            "while [ ! -e $PLUGIN_UNIX_SOCKET_DIR/stop ]; do sleep 0.01; done",
        )
        .await
    }

    /// Announces itself, and then does what `script` says.
    pub(crate) async fn with_script(behaviour: Behaviour, script: &str) -> Self {
        let base = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("echo '1|1|tcp|{address}|grpc|'; {script}")]);
        let builder = Client::builder(COOKIE)
            .tls(Tls::Plaintext)
            .allow_address_outside(AddressException::AnyOwner)
            .unix_socket_dir(base.path());
        let server = tokio::spawn(serve(listener, behaviour, base.path().to_owned()));
        Self { base, builder, command, server }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(Builder) -> Builder) -> Self {
        self.builder = change(self.builder);
        self
    }

    /// Starts it.
    pub(crate) async fn start(self) -> Started {
        let Self { base, builder, command, server } = self;
        let plugin = within(builder.spawn(command)).await.unwrap();
        Started { plugin, rest: Rest { base, server } }
    }
}

pub(crate) struct Started {
    pub(crate) plugin: Client,
    pub(crate) rest: Rest,
}

/// What is left of a case when the plugin is out of its hands.
pub(crate) struct Rest {
    base: TempDir,
    server: JoinHandle<()>,
}

impl Rest {
    /// Nothing of the plugin is left.
    #[track_caller]
    pub(crate) fn assert_clean(&self, pid: u32) {
        assert!(!exists(pid), "process {pid} is left");
        let left: Vec<_> = std::fs::read_dir(self.base.path()).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Waits until nothing of the plugin is left.
    pub(crate) async fn clean(&self, pid: u32) {
        let clean = || {
            !exists(pid) && std::fs::read_dir(self.base.path()).unwrap().flatten().next().is_none()
        };
        within(async {
            while !clean() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future).await.expect("it did not end")
}

pub(crate) fn exists(pid: u32) -> bool {
    rustix::process::test_kill_process(process(pid)).is_ok()
}

pub(crate) fn process(pid: u32) -> rustix::process::Pid {
    i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a process id")
}

async fn serve(listener: TcpListener, behaviour: Behaviour, base: PathBuf) {
    let services = Services { behaviour, base: base.into() };
    let mut connections = tokio::task::JoinSet::new();
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2.max_concurrent_streams(services.behaviour.most_streams);
    while let Ok((stream, _)) = listener.accept().await {
        let services = services.clone();
        let service = service_fn(move |request| answer(services.clone(), request));
        let connection = http2.serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move {
            let _ = connection.await;
        });
    }
}

pub(crate) async fn answer(
    services: Services,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let request = request.map(Body::new);
    if *services.behaviour.deaf.borrow() {
        std::future::pending::<()>().await;
    }
    let Behaviour { health, prints, obeys, .. } = &services.behaviour;
    if path.starts_with("/grpc.health.v1.Health/") && health.is_some() {
        HealthServer::new(services).oneshot(request).await
    } else if path.starts_with("/plugin.GRPCStdio/") && prints.is_some() {
        GrpcStdioServer::new(services).oneshot(request).await
    } else if path.starts_with("/plugin.GRPCController/") && *obeys {
        GrpcControllerServer::new(services).oneshot(request).await
    } else if path.starts_with("/plugin.GRPCStdio/") && services.behaviour.unavailable {
        Ok(Status::unavailable("not now").into_http())
    } else if path == "/hang" {
        std::future::pending().await
    } else {
        Ok(Status::unimplemented("not here").into_http())
    }
}

#[derive(Clone)]
pub(crate) struct Services {
    behaviour: Behaviour,
    base: Arc<std::path::Path>,
}

impl Services {
    /// For a plugin without a process.
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        Self { behaviour, base: PathBuf::new().into() }
    }
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Services {
    type WatchStream = Streamed<HealthCheckResponse>;

    async fn check(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        self.behaviour.checks.send_modify(|count| *count += 1);
        let status = *self.behaviour.health.as_ref().expect("routed here").borrow();
        Ok(tonic::Response::new(HealthCheckResponse { status: status.into() }))
    }

    async fn watch(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        let statuses = self.behaviour.health.clone().expect("routed here");
        let stream = tokio_stream::wrappers::WatchStream::new(statuses)
            .map(|status| Ok(HealthCheckResponse { status: status.into() }));
        Ok(tonic::Response::new(Box::pin(stream)))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Services {
    type StreamStdioStream = Streamed<StdioData>;

    async fn stream_stdio(
        &self,
        _: tonic::Request<()>,
    ) -> Result<tonic::Response<Self::StreamStdioStream>, Status> {
        self.behaviour.streams.send_modify(|count| *count += 1);
        if self.behaviour.reluctant && *self.behaviour.streams.borrow() == 2 {
            return Err(Status::already_exists("one at a time"));
        }
        let prints = self.behaviour.prints.clone().expect("routed here");
        let stream = stream::iter(prints.into_iter().map(Ok)).chain(stream::pending());
        Ok(tonic::Response::new(Box::pin(stream)))
    }
}

#[tonic::async_trait]
impl GrpcController for Services {
    async fn shutdown(&self, _: tonic::Request<Empty>) -> Result<tonic::Response<Empty>, Status> {
        let directory = std::fs::read_dir(&self.base).unwrap().flatten().next().expect("made");
        std::fs::write(directory.path().join("stop"), "").unwrap();
        Ok(tonic::Response::new(Empty {}))
    }
}

/// A piece of output as it stands on the wire.
pub(crate) fn printed(channel: i32, data: &'static [u8]) -> StdioData {
    StdioData { channel, data: Bytes::from_static(data) }
}
