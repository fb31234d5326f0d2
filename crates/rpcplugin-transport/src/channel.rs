//! The gRPC channel to one plugin process.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{
    Request, Response, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use rpcplugin_core::{Error, TransportError};
use tonic::{Status, body::Body};
use tower_service::Service;

use self::{
    connection::{Connection, dial_with},
    deadline::Deadline,
    shared::Shared,
};
use crate::{Connector, Generation, status::transport_status};

mod body;
mod call;
mod connection;
mod deadline;
mod failure;
mod fate;
mod options;
mod shared;
mod traced;
mod watched;

pub use self::{body::ChannelBody, options::ChannelOptions, traced::CallTrace};

/// A gRPC channel to one plugin process, for every tonic client.
///
/// - It sits straight on HTTP/2, without a task or a queue of its own. Clones share the
///   connection, which closes when the last clone and the last call are gone.
/// - A call ends exactly once. It is never repeated, and dropping it cancels it in the plugin. (One
///   exception: if its reply has begun while its request waits for a plugin that does not read,
///   the plugin hears of it when it reads again or ends the call.)
/// - A lost connection is dialled anew by the next call, through the same connector and only as
///   long as the [`Generation`] lasts, so no other process is ever reached. Many calls at once
///   dial once.
/// - A call whose connection was lost waits up to half a second for the news that the process
///   ended. With it, the call ends as UNAVAILABLE with
///   [`PluginGone`](rpcplugin_core::TransportError::PluginGone) as its source, else with
///   [`Disconnected`](rpcplugin_core::TransportError::Disconnected).
/// - The request's `grpc-timeout`, or else
///   [`request_timeout`](ChannelOptions::request_timeout), covers the whole call.
/// - tonic's generated clients refuse replies of more than 4 MiB by themselves; raise that with
///   their `max_decoding_message_size`, and the channel's limit counts alone.
///
/// Use it within the tokio runtime in which it was connected.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::{ChannelOptions, Generation, PluginChannel, memory};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rpcplugin_core::Error> {
/// let (connector, _listener) = memory::pair();
/// let channel =
///     PluginChannel::connect(connector, ChannelOptions::new(), Generation::new()).await?;
/// // let client = KvClient::new(channel);
/// # drop(channel);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PluginChannel {
    shared: Arc<Shared>,
    has_request_timeout: bool,
    is_privileged: bool,
    trace: Option<CallTrace>,
}

impl PluginChannel {
    /// Connects, and sets HTTP/2 up on this side. It does not wait for a word from the peer: that
    /// it speaks gRPC, and accepts us, is known when the first call returns.
    ///
    /// Dropping the future gives up.
    ///
    /// # Errors
    ///
    /// Those of the connector, `TRANSPORT_CONNECT_TIMEOUT` after twice the
    /// [`connection_timeout`](ChannelOptions::connection_timeout), and `TRANSPORT_PLUGIN_GONE` or
    /// `TRANSPORT_SHUT_DOWN` if the generation ends meanwhile.
    pub async fn connect<C: Connector>(
        connector: C,
        options: ChannelOptions,
        generation: Generation,
    ) -> Result<Self, Error> {
        let dial = dial_with(connector);
        let limit = options.connection_timeout;
        let connection = Connection::establish(&dial, limit, &generation).await?;
        let shared = Arc::new(Shared::new(dial, options, generation, connection));
        Ok(Self { shared, has_request_timeout: true, is_privileged: false, trace: None })
    }

    /// The same channel, whose calls last as long as their own deadline lets them: for streams
    /// that stay open.
    #[must_use]
    pub const fn without_request_timeout(mut self) -> Self {
        self.has_request_timeout = false;
        self
    }

    /// Changes the [`request_timeout`](ChannelOptions::request_timeout) of this channel and all
    /// its clones, for calls that begin from now on.
    pub fn set_request_timeout(&self, timeout: Option<Duration>) {
        self.shared.set_request_timeout(timeout);
    }

    /// The same channel, whose calls are made also when its generation is
    /// [closed](Generation::close) to new ones: for the request to stop.
    #[must_use]
    pub const fn privileged(mut self) -> Self {
        self.is_privileged = true;
        self
    }

    /// The same channel, and a note of the connection that its calls use: for a probe, which must
    /// blame no other.
    #[must_use]
    pub fn traced(mut self) -> (Self, CallTrace) {
        let trace = CallTrace::default();
        self.trace = Some(trace.clone());
        (self, trace)
    }

    /// Gives up the connection that the next call would use, as [`CallTrace::cut`] does.
    pub fn cut(&self, origin: &str) {
        self.shared.cut(origin);
    }
}

impl Service<Request<Body>> for PluginChannel {
    type Response = Response<ChannelBody>;
    type Error = Status;
    type Future = ChannelFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Each call finds its own connection.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> ChannelFuture {
        let generation = &self.shared.generation;
        if generation.is_closed() && !generation.is_over() && !self.is_privileged {
            let refused = transport_status(TransportError::ShutDown);
            return ChannelFuture { inner: Box::pin(std::future::ready(Err(refused))) };
        }
        let timeout = self.shared.request_timeout().filter(|_| self.has_request_timeout);
        let deadline = Deadline::of(request.headers_mut(), timeout);
        *request.uri_mut() = localhost(request.uri());
        let sent = self.shared.clone().send(request, deadline, self.trace.clone());
        let inner: BoxFuture<'static, _> = match deadline {
            None => Box::pin(sent),
            Some(deadline) => Box::pin(async move {
                tokio::time::timeout_at(deadline.at, sent)
                    .await
                    .unwrap_or_else(|_| Err(transport_status(deadline.passed())))
            }),
        };
        ChannelFuture { inner }
    }
}

impl fmt::Debug for PluginChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginChannel")
            .field("options", &self.shared.options)
            .field("generation", &self.shared.generation)
            .finish_non_exhaustive()
    }
}

/// A call of a [`PluginChannel`] until its reply begins. Dropping it cancels the call in the
/// plugin.
#[must_use = "a future does nothing unless it is polled"]
pub struct ChannelFuture {
    inner: BoxFuture<'static, Result<Response<ChannelBody>, Status>>,
}

impl Future for ChannelFuture {
    type Output = Result<Response<ChannelBody>, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.inner.as_mut().poll(cx)
    }
}

impl fmt::Debug for ChannelFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelFuture").finish_non_exhaustive()
    }
}

/// The same path at `http://localhost`, which every known server accepts, over TLS too.
fn localhost(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(Authority::from_static("localhost"));
    parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    Uri::from_parts(parts).expect("scheme, authority and path are all there")
}
