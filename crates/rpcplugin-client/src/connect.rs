//! From an accepted address to a channel: dialling, the owner's check, TLS.

use std::{
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use http::Uri;
use rpcplugin_broker::Multiplexer;
use rpcplugin_core::{Address, Error, Kind, TransportError};
#[cfg(unix)]
use rpcplugin_transport::UnixConnector;
use rpcplugin_transport::{
    Accepted, BoxIo, ChannelOptions, Connector, ExpectedPeer, Generation, Peer, PluginChannel,
    TcpConnector, error_from_status,
};
use tokio::sync::OnceCell;
use tonic::Status;
use tower_service::Service;

use crate::protection::Protection;

/// How a plugin is reached, and what a connection to it is like.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) protection: Protection,
    pub(crate) options: ChannelOptions,
    pub(crate) generation: Generation,
}

/// A channel, and how long its parts took.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) channel: PluginChannel,
    /// Dialling and the owner's check.
    pub(crate) connect: Duration,
    /// TLS and HTTP/2.
    pub(crate) tls: Duration,
}

/// The way to a plugin, which ends in [`Route::over`] with a connector of its own type, so that
/// connections cost no indirection.
pub(crate) trait Dial: Send + Sync {
    /// Connects anew.
    fn dial<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<Dialled, Error>>;
}

/// The address that a plugin announced, and who must listen there.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) address: Address,
    pub(crate) expected: ExpectedPeer,
    /// For dialling; TLS brings its own.
    pub(crate) limit: Duration,
}

impl Announced {
    /// Connects, and leaves what comes then to the caller.
    async fn raw(&self) -> Result<BoxIo, Error> {
        let uri = Uri::from_static("http://localhost");
        match &self.address {
            #[cfg(unix)]
            Address::Unix(path) => {
                let dial = UnixConnector::new(path).expect_peer(self.expected);
                let io = dial.timeout(self.limit).call(uri).await?;
                Ok(Box::new(io.into_inner()))
            }
            Address::Tcp(address) => {
                let dial = TcpConnector::new(*address).expect_peer(self.expected);
                let io = dial.timeout(self.limit).call(uri).await?;
                Ok(Box::new(io.into_inner()))
            }
            other => Err(unreachable_here(other).into()),
        }
    }
}

fn unreachable_here(address: &Address) -> TransportError {
    TransportError::InvalidEndpoint {
        address: rpcplugin_core::escape_text(&address.to_string()),
        reason: "this platform cannot connect to it",
    }
}

impl Dial for Announced {
    fn dial<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<Dialled, Error>> {
        match &self.address {
            #[cfg(unix)]
            Address::Unix(path) => {
                let dial = UnixConnector::new(path).expect_peer(self.expected).timeout(self.limit);
                Box::pin(route.over(dial))
            }
            Address::Tcp(address) => {
                let dial =
                    TcpConnector::new(*address).expect_peer(self.expected).timeout(self.limit);
                Box::pin(route.over(dial))
            }
            other => Box::pin(std::future::ready(Err(unreachable_here(other).into()))),
        }
    }
}

/// The way over one multiplexed connection, which is made at the first dial and never again:
/// go-plugin accepts one, and soon after its line.
#[derive(Debug)]
pub(crate) struct Multiplexed {
    pub(crate) announced: Announced,
    pub(crate) multiplexer: Multiplexer,
    made: OnceCell<()>,
}

impl Multiplexed {
    pub(crate) fn new(announced: Announced, multiplexer: Multiplexer) -> Self {
        Self { announced, multiplexer, made: OnceCell::new() }
    }

    async fn make(&self) -> Result<(), Error> {
        let io = self.announced.raw().await?;
        self.multiplexer.run(Accepted::new(io, Peer::default()));
        Ok(())
    }
}

impl Dial for Multiplexed {
    fn dial<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<Dialled, Error>> {
        Box::pin(async move {
            let start = Instant::now();
            self.made.get_or_try_init(|| self.make()).await?;
            let made = start.elapsed();
            let mut dialled = route.over(self.multiplexer.connector()).await?;
            dialled.connect += made;
            Ok(dialled)
        })
    }
}

/// A connector that leads to the plugin and to nobody else.
#[derive(Debug)]
pub(crate) struct Given<C>(pub(crate) C);

impl<C: Connector> Dial for Given<C> {
    fn dial<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<Dialled, Error>> {
        Box::pin(route.over(self.0.clone()))
    }
}

impl Route {
    /// Connects anew.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_…` if nobody answers there, `SECURITY_PEER_CREDENTIALS` if it is somebody else;
    /// `SECURITY_…` if TLS fails.
    pub(crate) async fn dial(&self) -> Result<Dialled, Error> {
        self.dial.dial(self).await
    }

    /// Connects through `dial`, protected as was agreed.
    async fn over<C: Connector>(&self, dial: C) -> Result<Dialled, Error> {
        let start = Instant::now();
        let timed = Timed { inner: dial, took: Arc::default() };
        let took = timed.took.clone();
        let (options, generation) = (self.options.clone(), self.generation.clone());
        let channel = match &self.protection {
            Protection::Plaintext => PluginChannel::connect(timed, options, generation).await?,
            #[cfg(feature = "tls")]
            Protection::Mutual(_) | Protection::Custom(_) => {
                let layer = self.protection.layer().expect("these two have one");
                let secure = tower::Layer::layer(layer, timed);
                PluginChannel::connect(secure, options, generation).await?
            }
        };
        let whole = start.elapsed();
        let connect = took.get().copied().unwrap_or(whole);
        Ok(Dialled { channel, connect, tls: whole.saturating_sub(connect) })
    }
}

/// Whether a call ended with its connection while the plugin lives on, so that the same call over
/// a new one may do better.
pub(crate) fn is_lost_connection(status: &Status) -> bool {
    let error = error_from_status(status);
    error.kind() == Kind::Transport
        && !matches!(
            error,
            Error::Transport {
                source: TransportError::PluginGone { .. } | TransportError::ShutDown,
                ..
            }
        )
}

/// A connector that notes how long its first connection took.
#[derive(Clone, Debug)]
struct Timed<C> {
    inner: C,
    took: Arc<OnceLock<Duration>>,
}

impl<C: Connector> Service<Uri> for Timed<C> {
    type Response = C::Response;
    type Error = Error;
    type Future = BoxFuture<'static, Result<C::Response, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let start = Instant::now();
        let connecting = self.inner.call(uri);
        let took = self.took.clone();
        Box::pin(async move {
            let connected = connecting.await?;
            // Later connections are nothing to the start.
            let _ = took.set(start.elapsed());
            Ok(connected)
        })
    }
}
