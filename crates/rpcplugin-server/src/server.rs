use std::{ffi::OsString, fmt, process::ExitCode, sync::Arc, time::Duration};

use bytes::Bytes;
use rpcplugin_core::{Address, Error, MagicCookie, Network, limits};
use rpcplugin_transport::{
    Listener,
    serving::{BoxError, Layers},
};
use tokio::sync::watch;
use tonic::body::Body;
use tower_layer::Layer;
use tower_service::Service;
use tracing_subscriber::filter::LevelFilter;

use crate::{
    HealthReporter, ListenOn, PluginSet, Reflection, RpcService, ServerHandle, Signals,
    environment::Environment,
    handle::{Shared, State},
    hooks::Hooks,
    serve::{self, Owner},
    settings::Settings,
    stop::Stop,
};

mod alone;
mod broker;
mod moments;

/// A plugin's server, from the cookie to the exit.
///
/// [`run`](Self::run) is a whole `main`; [`serve`](Self::serve) does the same for embedding.
/// Dropping the future of either closes the listener, removes its socket and ends every
/// connection.
///
/// # Example
///
/// ```no_run
/// # use std::process::ExitCode;
/// use rpcplugin_core::MagicCookie;
/// use rpcplugin_server::{PluginSet, Server};
///
/// # async fn example() -> ExitCode {
/// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
/// Server::new(COOKIE)
///     .plugins(1, PluginSet::new())
///     .plugins(2, PluginSet::new())
///     .require_tls()
///     .run()
///     .await
/// # }
/// ```
#[must_use]
pub struct Server {
    pub(crate) cookie: MagicCookie,
    pub(crate) sets: Vec<(u32, PluginSet)>,
    pub(crate) settings: Settings,
    pub(crate) layers: Layers,
    pub(crate) environment: Environment,
    pub(crate) shared: Arc<Shared>,
    pub(crate) hooks: Hooks,
}

impl Server {
    /// A server that serves only hosts with this cookie.
    pub fn new(cookie: MagicCookie) -> Self {
        let settings = Settings::default();
        let shared = Shared {
            state: watch::Sender::new(State::Starting { limit: limits::SERVER_READY_TIMEOUT }),
            stop: Stop::new(),
            in_flight: Arc::default(),
            health: HealthReporter::new([]),
        };
        Self {
            cookie,
            sets: Vec::new(),
            settings,
            layers: Layers::new(),
            environment: Environment::Process,
            shared: Arc::new(shared),
            hooks: Hooks::default(),
        }
    }

    /// Serves `set` to hosts with which this application version is agreed on.
    ///
    /// The highest version that both know is served; without a common one the plugin's lowest,
    /// and the host refuses it.
    pub fn plugins(mut self, version: u32, set: PluginSet) -> Self {
        self.sets.push((version, set));
        self
    }

    /// Wraps all the user's services, together, in a tower layer. The layer given first sees a
    /// call first. The framework's own services are never wrapped.
    pub fn layer<L, B>(mut self, layer: L) -> Self
    where
        L: Layer<RpcService> + Send + Sync + 'static,
        L::Service: Service<http::Request<Body>, Response = http::Response<B>>
            + Clone
            + Send
            + Sync
            + 'static,
        <L::Service as Service<http::Request<Body>>>::Error: Into<BoxError>,
        <L::Service as Service<http::Request<Body>>>::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.layers.push(layer);
        self
    }

    /// Time for calls in progress and for the exit, once a stop was asked for: 2 s.
    pub fn grpc_grace_period(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// How long [`ServerHandle::ready`] waits for the server to listen: 5 s.
    pub fn server_ready_timeout(self, limit: Duration) -> Self {
        self.shared.state.send_replace(State::Starting { limit });
        self
    }

    /// Refuses hosts that bring no certificate. Without this a plugin follows its host.
    pub fn require_tls(mut self) -> Self {
        self.settings.require_tls = true;
        self
    }

    /// The networks to listen on, in order of preference; a host's own order comes first.
    /// Default: Unix sockets, then TCP; on Windows TCP.
    pub fn transports(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.settings.transports = Some(networks.into_iter().collect());
        self
    }

    /// Listens there and nowhere else, whatever the host asks for. Off loopback only with mutual
    /// TLS; `SECURITY_TLS_REQUIRED` otherwise.
    pub fn listen(mut self, listen: ListenOn) -> Self {
        self.settings.listen = Some(listen);
        self
    }

    /// Announces this address instead of the one that is listened at: for hosts that reach the
    /// plugin through a container's port, a mount or a tunnel. A TCP port 0 stands for the port
    /// that was bound. Off loopback only with mutual TLS; `SECURITY_TLS_REQUIRED` otherwise.
    ///
    /// The host must allow it by name, as rpcplugin's does with `allow_address_outside`.
    pub fn announce(mut self, address: Address) -> Self {
        self.settings.announce = Some(address);
        self
    }

    /// Lives on when the host is gone.
    pub fn detach(mut self) -> Self {
        self.settings.detached = true;
        self
    }

    /// When to serve reflection: under TLS.
    pub fn reflection(mut self, reflection: Reflection) -> Self {
        self.settings.reflection = reflection;
        self
    }

    /// Largest message accepted, in bytes: 64 MiB. tonic's own limit of 4 MiB for each service
    /// stays until the service's `max_decoding_message_size` raises it.
    pub fn grpc_max_receive_message_size(mut self, bytes: usize) -> Self {
        self.settings.receive = bytes;
        self
    }

    /// Largest message sent, in bytes: 64 MiB.
    pub fn grpc_max_send_message_size(mut self, bytes: usize) -> Self {
        self.settings.send = bytes;
        self
    }

    /// Streams that a peer may open on a connection: 256.
    pub fn grpc_max_concurrent_streams(mut self, streams: u32) -> Self {
        self.settings.max_streams = streams;
        self
    }

    /// Size of the ring for each standard stream, in bytes: 64 KiB.
    pub fn stdio_buffer_bytes(mut self, bytes: usize) -> Self {
        self.settings.stdio_buffer = bytes;
        self
    }

    /// Lowest level that [`run`](Self::run) logs: INFO.
    pub fn log_level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.settings.log_level = level.into();
        self
    }

    /// Who takes care of signals under [`serve`](Self::serve) and
    /// [`standalone`](Self::standalone): the program. `run` always does.
    pub fn signals(mut self, signals: Signals) -> Self {
        self.settings.signals = signals;
        self
    }

    /// Time for a connection's TLS handshake: 5 s.
    #[cfg(feature = "tls")]
    pub fn connection_timeout(mut self, limit: Duration) -> Self {
        self.settings.connection_timeout = limit;
        self
    }

    /// The key of the one-time certificate: P-256.
    #[cfg(feature = "tls")]
    pub fn cert_key_type(mut self, key_type: rpcplugin_tls::KeyType) -> Self {
        self.settings.cert_key_type = key_type;
        self
    }

    /// The cryptography of the plugin's side: ring, which makes every key but P-521.
    #[cfg(feature = "tls")]
    pub fn provider(mut self, provider: rpcplugin_tls::Provider) -> Self {
        self.settings.provider = provider;
        self
    }

    /// Reads cookie and launch variables through `lookup` instead of the process's environment,
    /// which then stays as it is.
    pub fn environment(
        mut self,
        lookup: impl Fn(&str) -> Option<OsString> + Send + 'static,
    ) -> Self {
        self.environment = Environment::Given(Box::new(lookup));
        self
    }

    /// A handle on this server, before it starts.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle(Arc::clone(&self.shared))
    }

    /// Serves until the host, a signal or the host's end stops the plugin: a whole `main`.
    ///
    /// Print nothing to stdout before: until this takes it away, what is printed stands where the
    /// host expects the handshake line.
    ///
    /// Returns 0 after an orderly stop and 1 after a failure to start, with one line on stderr:
    /// `error[CODE]: message (hint: …)`. Installs [`HclogLayer`] unless the program has a
    /// subscriber, and a panic hook that begins with `panic: ` and goes on with the program's own
    /// if it has set one. Where `main` does not return in what is left of the grace period, the
    /// process ends all the same, with the same code.
    ///
    /// Where the host watches over the plugin by its stdin, descriptor 0 is the null device from
    /// here on: there is nothing to read, and closing or replacing it does no harm.
    ///
    /// The launch variables are removed from the environment once read. That is sound unless
    /// foreign code (C's `getenv` and the like) reads the environment on another thread at that
    /// moment; start such threads afterwards.
    ///
    /// [`HclogLayer`]: crate::HclogLayer
    pub async fn run(self) -> ExitCode {
        serve::run(self).await
    }

    /// [`run`](Self::run) on a runtime of its own with a single thread, for a `main` without
    /// tokio.
    ///
    /// # Panics
    ///
    /// Inside another runtime.
    #[must_use]
    pub fn run_blocking(self) -> ExitCode {
        serve::run_blocking(self)
    }

    /// Serves as [`run`](Self::run) does, for embedding: never ends the process, and leaves
    /// signals, the subscriber and the panic hook alone unless told otherwise.
    ///
    /// Standard output is taken for good once the line is printed, and given back if the start
    /// fails before.
    ///
    /// # Errors
    ///
    /// Why it did not start: `HANDSHAKE_NOT_LAUNCHED` without the cookie, `CONFIG_…` for
    /// settings, services or variables that cannot work, `SECURITY_CLIENT_CERT_INVALID`,
    /// `SECURITY_TLS_REQUIRED`, `SECURITY_TLS_NOT_BUILT`, `SECURITY_KEYGEN`,
    /// `TRANSPORT_INVALID_ENDPOINT` for an address that no host could dial, `TRANSPORT_BIND_FAILED`, `TRANSPORT_STDOUT_CLOSED`, `TRANSPORT_RESOURCES`. After the line
    /// nothing fails.
    pub async fn serve(self) -> Result<(), Error> {
        serve::process(self, Owner::Program).await.map(drop)
    }

    /// Serves one version on a listener of the caller's, in this process: no cookie, no line, no
    /// signals, no capture of standard output. TLS is served if the given
    /// [`environment`](Self::environment) holds `PLUGIN_CLIENT_CERT`; the process's own is not
    /// read.
    ///
    /// # Errors
    ///
    /// `CONFIG_PROTOCOL_VERSIONS` if there is no set for `version`, and as [`serve`](Self::serve)
    /// for services and TLS.
    pub async fn serve_on(self, listener: impl Listener, version: u32) -> Result<(), Error> {
        serve::on(self, Box::new(listener), version).await
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("cookie", &self.cookie)
            .field("sets", &self.sets)
            .field("settings", &self.settings)
            .field("layers", &self.layers)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}
