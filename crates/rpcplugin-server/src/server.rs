use std::{ffi::OsString, fmt, process::ExitCode, sync::Arc};

use bytes::Bytes;
use rpcplugin_core::{Address, Config, Error, MagicCookie, limits};
use rpcplugin_transport::{
    Listener,
    serving::{BoxError, Layers},
};
use tokio::sync::watch;
use tonic::body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    HealthReporter, ListenOn, PluginSet, RpcService, ServerHandle, Signals,
    environment::Environment,
    handle::{Shared, State},
    hooks::Hooks,
    live::Live,
    serve::{self, Owner},
    settings::Given,
    stop::Stop,
};

mod alone;

mod moments;
mod security;
mod values;

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
    pub(crate) given: Given,
    pub(crate) layers: Layers,
    pub(crate) environment: Environment,
    pub(crate) shared: Arc<Shared>,
    pub(crate) hooks: Hooks,
}

impl Server {
    /// A server that serves only hosts with this cookie.
    pub fn new(cookie: MagicCookie) -> Self {
        let shared = Shared {
            state: watch::Sender::new(State::Starting { limit: limits::SERVER_READY_TIMEOUT }),
            stop: Stop::new(),
            live: Live::default(),
            in_flight: Arc::default(),
            health: HealthReporter::new([]),
        };
        Self {
            cookie,
            sets: Vec::new(),
            given: Given::default(),
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

    /// Listens there and nowhere else, whatever the host asks for. Off loopback only with mutual
    /// TLS; `SECURITY_TLS_REQUIRED` otherwise.
    ///
    /// Environment and files may still move it, by the settings `PLUGIN_SERVER_TRANSPORTS`,
    /// `PLUGIN_SERVER_HOST`, `PLUGIN_SERVER_PORT` and `PLUGIN_SERVER_UNIX_SOCKET_PATH`.
    pub fn listen(mut self, listen: ListenOn) -> Self {
        self.given.listen(listen);
        self
    }

    /// Announces this address instead of the one that is listened at: for hosts that reach the
    /// plugin through a container's port, a mount or a tunnel. A TCP port 0 stands for the port
    /// that was bound. Off loopback only with mutual TLS; `SECURITY_TLS_REQUIRED` otherwise.
    ///
    /// The host must allow it by name, as rpcplugin's does with `allow_address_outside`. The
    /// setting `PLUGIN_SERVER_ADVERTISE_HOST` takes the place of a TCP address's IP.
    pub fn announce(mut self, address: Address) -> Self {
        self.given.options.announce = Some(address);
        self
    }

    /// Lives on when the host is gone.
    pub fn detach(mut self) -> Self {
        self.given.options.detached = true;
        self
    }

    /// Who takes care of signals under [`serve`](Self::serve) and
    /// [`standalone`](Self::standalone): the program. `run` always does.
    pub fn signals(mut self, signals: Signals) -> Self {
        self.given.options.signals = signals;
        self
    }

    /// The cryptography of the plugin's side: ring, which makes every key but P-521.
    #[cfg(feature = "tls")]
    pub fn provider(mut self, provider: rpcplugin_tls::Provider) -> Self {
        self.given.options.provider = provider;
        self
    }

    /// The settings. Without this they are the environment's, when the server starts, and those of
    /// the files that it names.
    ///
    /// The methods of this builder belong to the layer of the program, above the values that
    /// [`ConfigBuilder::set`] gave: files and environment win over them. None of them lowers the
    /// protection that the program chose; `SECURITY_CONFIG_CONFLICT` otherwise.
    ///
    /// [`ConfigBuilder::set`]: rpcplugin_core::config::ConfigBuilder::set
    pub fn config(mut self, config: Config) -> Self {
        self.given.config = Some(config);
        self
    }

    /// Reads cookie, launch variables and settings through `lookup` instead of the process's
    /// environment, which then stays as it is. Settings come from [`config`](Self::config) alone
    /// where it was given.
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
    /// signals, no capture of standard output. Settings, and the host's certificate in
    /// `PLUGIN_CLIENT_CERT`, are read from a given [`environment`](Self::environment); the
    /// process's own is not looked at.
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
            .field("given", &self.given)
            .field("layers", &self.layers)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}
