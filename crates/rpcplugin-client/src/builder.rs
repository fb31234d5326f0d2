use std::{ffi::OsString, fmt, ops::RangeInclusive, path::PathBuf, time::Duration};

use rpcplugin_core::{
    Config, Error, MagicCookie, Network,
    config::{Setting, Value, Values},
};
use rpcplugin_transport::Connector;
use tokio::{io::AsyncWrite, process::Command};

use crate::{
    AddressException, Client, ClientAuthentication, InProcess, Stdin, Tls, options::Options,
    plan::Plan, start, stdio::Sink,
};

mod attach;
mod broker;
mod config;
mod confinement;
mod integrity;
mod multiplex;
mod runner;
mod times;

/// How a plugin is to be started.
///
/// Every setting has a safe default. Nothing is checked until [`spawn`](Builder::spawn) runs, and
/// nothing starts unless everything fits. A builder can be cloned and used again: each `spawn`
/// makes a new process with new keys.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
///
/// use rpcplugin_client::{Client, Network};
/// use rpcplugin_core::MagicCookie;
/// use tokio::process::Command;
///
/// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
///
/// # async fn run() -> Result<(), rpcplugin_core::Error> {
/// let plugin = Client::builder(COOKIE)
///     .versions([2, 3])
///     .transports([Network::Unix])
///     .start_timeout(Duration::from_secs(10))
///     .spawn(Command::new("./kv-plugin"))
///     .await?;
/// assert!(plugin.version() >= 2);
/// plugin.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `spawn` is called and awaited"]
pub struct Builder {
    pub(crate) cookie: MagicCookie,
    /// The program's layer of the settings.
    pub(crate) values: Values,
    pub(crate) options: Options,
    pub(crate) config: Option<Config>,
    pub(crate) environment: Option<Vec<(OsString, OsString)>>,
}

impl Builder {
    pub(crate) fn new(cookie: MagicCookie) -> Self {
        Self {
            cookie,
            values: Values::new(),
            options: Options::default(),
            config: None,
            environment: None,
        }
    }

    /// Starts `command`, shakes hands with it, connects, and waits for its first answer.
    ///
    /// Program, arguments, directory and variables of `command` are kept; its standard streams
    /// and its process group are this library's. Must run in a tokio runtime with I/O and time.
    ///
    /// Dropping the future at any point kills the process and reaps it, and so does every error.
    /// The whole takes at most [`start_timeout`](Builder::start_timeout), and at most two more
    /// seconds to end a plugin that failed; milliseconds, unless the system cannot end it.
    ///
    /// # Errors
    ///
    /// - `CONFIG_…` before anything starts; `SECURITY_TLS_NOT_BUILT` for [`Tls::Auto`] in a build
    ///   without the feature `tls`.
    /// - `HANDSHAKE_SPAWN_…` if the system refuses the program.
    /// - `HANDSHAKE_…`, `SECURITY_…`, `TRANSPORT_…` or `PROTOCOL_PEER_NOT_GRPC` if it does not
    ///   become a plugin that answers. These carry a [`CrashReport`](crate::CrashReport).
    ///
    /// With `PLUGIN_MTLS_CERT_DIR` the host's certificate is read, and if it is due issued, before
    /// that: on this thread, outside of `start_timeout`, and for up to 5 s longer while another
    /// process writes to the directory.
    pub async fn spawn(self, command: Command) -> Result<Client, Error> {
        let plan = Plan::new(self)?;
        start::start(plan, command).await
    }

    /// Joins a plugin that this process serves itself, instead of starting one. It is what the
    /// facade's `testing` is made of; [`spawn`](Builder::spawn) is the way to a plugin of its own.
    ///
    /// `serve` begins to serve and returns the plugin. It gets the variables that a plugin finds
    /// in its environment. From there on the client is like any other: versions, certificates on
    /// both sides, health, controller and output are the same. [`Client::pid`] and
    /// [`Client::usage`] are those of this process. Settings that concern a process (its
    /// environment, descriptors, directory, address) have no effect.
    ///
    /// Dropping the future at any point ends the plugin, and so does every error.
    ///
    /// # Errors
    ///
    /// `CONFIG_…`, `SECURITY_…`, `TRANSPORT_…` as `spawn`; `HANDSHAKE_VERSION_MISMATCH`,
    /// `HANDSHAKE_TIMEOUT`; and those of `serve`.
    pub async fn join<C, F>(
        self,
        serve: impl FnOnce(Vec<(OsString, OsString)>) -> F,
    ) -> Result<Client, Error>
    where
        C: Connector,
        F: Future<Output = Result<InProcess<C>, Error>>,
    {
        let plan = Plan::new(self)?;
        start::join(plan, serve).await
    }

    /// The application versions that this host knows; default 1.
    ///
    /// Variable: `PLUGIN_HOST_PROTOCOL_VERSIONS`.
    pub fn versions(mut self, versions: impl IntoIterator<Item = u32>) -> Self {
        self.values = self.values.host_protocol_versions(versions.into_iter().collect());
        self
    }

    /// How the connection is protected; default [`Tls::Auto`].
    ///
    /// Variables: `PLUGIN_INSECURE` and `PLUGIN_AUTO_MTLS`.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.options.tls = Some(tls);
        self
    }

    /// What to do about a plugin that never asks for this host's certificate; default
    /// [`ClientAuthentication::Warn`].
    pub fn client_authentication(mut self, policy: ClientAuthentication) -> Self {
        self.options.client_authentication = policy;
        self
    }

    /// The key of this host's one-time certificates; default P-256.
    ///
    /// Variable: `PLUGIN_CERT_KEY_TYPE`.
    #[cfg(feature = "tls")]
    pub fn cert_key_type(mut self, key_type: rpcplugin_tls::KeyType) -> Self {
        self.values = self.values.cert_key_type(key_type.into());
        self
    }

    /// The cryptography of this host's side; default ring, which makes every key but P-521.
    #[cfg(feature = "tls")]
    pub fn provider(mut self, provider: rpcplugin_tls::Provider) -> Self {
        self.options.provider = provider;
        self
    }

    /// The networks that a plugin may listen on, the preferred one first; default Unix sockets
    /// then TCP, on Windows TCP.
    ///
    /// Variable: `PLUGIN_CLIENT_TRANSPORTS`.
    pub fn transports(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.values = self.values.client_transports(networks.into_iter().collect());
        self
    }

    /// The ports that a plugin on TCP may choose from; default 10000 to 25000. 0 to 0 leaves the
    /// choice to the system.
    ///
    /// Variables: `PLUGIN_HOST_MIN_PORT` and `PLUGIN_HOST_MAX_PORT`.
    pub fn ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.values = self.values.host_min_port(*ports.start()).host_max_port(*ports.end());
        self
    }

    /// Largest message accepted, in bytes; default 64 MiB. A generated client has a limit of its
    /// own: raise it with its `max_decoding_message_size`.
    ///
    /// Variable: `PLUGIN_GRPC_MAX_RECEIVE_MESSAGE_SIZE`.
    pub fn grpc_max_receive_message_size(mut self, bytes: usize) -> Self {
        self.values = self.values.grpc_max_receive_message_size(bytes);
        self
    }

    /// Largest message sent, in bytes; default 64 MiB.
    ///
    /// Variable: `PLUGIN_GRPC_MAX_SEND_MESSAGE_SIZE`.
    pub fn grpc_max_send_message_size(mut self, bytes: usize) -> Self {
        self.values = self.values.grpc_max_send_message_size(bytes);
        self
    }

    /// Time between probes that notice a plugin which stopped answering; default 10 s, 0 turns
    /// them off.
    ///
    /// Variable: `PLUGIN_GRPC_KEEPALIVE_TIME_MS`.
    pub fn grpc_keepalive_time(mut self, interval: Duration) -> Self {
        self.values = self.values.grpc_keepalive_time(interval);
        self
    }

    /// Wait for the answer to such a probe; default 5 s. Without one every call in flight ends
    /// with `TRANSPORT_DEADLINE`.
    ///
    /// Variable: `PLUGIN_GRPC_KEEPALIVE_TIMEOUT_MS`.
    pub fn grpc_keepalive_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.grpc_keepalive_timeout(limit);
        self
    }

    /// Deadline of [`Client::ping`] and [`Client::health`]; default 2 s.
    ///
    /// Variable: `PLUGIN_HEALTH_CHECK_TIMEOUT`.
    pub fn health_check_timeout(mut self, limit: Duration) -> Self {
        self.values = self.values.health_check_timeout(limit);
        self
    }

    /// Lines of stderr that are kept for crash reports; default 100.
    ///
    /// Variable: `PLUGIN_STDERR_TAIL_LINES`.
    pub fn stderr_tail_lines(mut self, lines: usize) -> Self {
        self.values = self.values.stderr_tail_lines(lines);
        self
    }

    /// Bytes that are kept of each stream of [`Client::stdio`] for slow readers; default 64 KiB.
    ///
    /// Variable: `PLUGIN_STDIO_BUFFER_BYTES`.
    pub fn stdio_buffer_bytes(mut self, bytes: usize) -> Self {
        self.values = self.values.stdio_buffer_bytes(bytes);
        self
    }

    /// Whether the plugin gets this process's environment, or only the few variables that
    /// programs cannot do without; default `false`.
    ///
    /// Handshake variables of our own parent, and variables by which code is injected into
    /// programs (`LD_PRELOAD` and its like), are not passed on in either case.
    ///
    /// Variable: `PLUGIN_INHERIT_ENV`.
    pub fn inherit_env(mut self, inherit: bool) -> Self {
        self.values = self.values.inherit_env(inherit);
        self
    }

    /// Further variables of this process's environment to pass on: names, or prefixes such as
    /// `AWS_*`.
    ///
    /// Variable: `PLUGIN_ENV_ALLOW`.
    pub fn env_allow<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let mut all = match self.values.get(Setting::EnvAllow) {
            Some(Value::Names(names)) => names.clone(),
            _ => Vec::new(),
        };
        all.extend(names.into_iter().map(Into::into));
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|name| seen.insert(name.clone()));
        self.values = self.values.env_allow(all);
        self
    }

    /// What stands for this process's environment; default [`std::env::vars_os`], read once when
    /// `spawn` runs.
    pub fn environment<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        self.environment = Some(variables.map(|(k, v)| (k.into(), v.into())).collect());
        self
    }

    /// Where the private directory for the plugin's sockets is made; default the directory for
    /// temporary files. Must be absolute, exist and be writable.
    ///
    /// Variable: `PLUGIN_HOST_UNIX_SOCKET_DIR`.
    pub fn unix_socket_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.values = self.values.host_unix_socket_dir(directory.into());
        self
    }

    /// A group, by name or number, that may connect to the plugin's sockets; default none.
    ///
    /// Variable: `PLUGIN_HOST_UNIX_SOCKET_GROUP`.
    pub fn unix_socket_group(mut self, group: impl Into<String>) -> Self {
        self.values = self.values.host_unix_socket_group(&group.into());
        self
    }

    /// Leaves the plugin's `TMPDIR` alone. By default it is the private directory, because some
    /// plugins know no other way to put their sockets there: theirs are refused then, unless
    /// [`allow_address_outside`](Builder::allow_address_outside) names their directory.
    pub fn keep_tmpdir(mut self) -> Self {
        self.options.keep_tmpdir = true;
        self
    }

    /// Widens, by name, what this plugin may announce; may be called several times.
    pub fn allow_address_outside(mut self, exception: AddressException) -> Self {
        self.options.address_exceptions.push(exception);
        self
    }

    /// Whether up to 64 lines and 64 KiB may come before the handshake line; default `false`.
    pub fn lenient_banner(mut self, lenient: bool) -> Self {
        self.options.lenient_banner = lenient;
        self
    }

    /// What the plugin's stdin is; default [`Stdin::Lifeline`].
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.options.stdin = stdin;
        self
    }

    /// Hands the terminal to the plugin until it has ended: [`Stdin::Terminal`]. What the plugin
    /// writes to descriptor 1 still goes to [`stdout`](Builder::stdout); it reaches the terminal
    /// as `/dev/tty`.
    pub fn inherit_tty(self) -> Self {
        self.stdin(Stdin::Terminal)
    }

    /// Lets the plugin outlive this process, should this process die without stopping it.
    pub fn detach(mut self) -> Self {
        self.options.detach = true;
        self
    }

    /// Where the plugin's captured stdout goes, byte for byte; default DEBUG events. Clones of
    /// this builder share the writer. A writer that is slow or fails loses output, which warnings
    /// tell, and harms nothing else.
    pub fn stdout(mut self, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        self.options.stdout = Some(Sink::new(writer));
        self
    }

    /// The same for what the plugin sends as its stderr over the stdio service. Descriptor 2 is
    /// the log channel: see [`raw_stderr`](Builder::raw_stderr).
    pub fn stderr(mut self, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        self.options.stderr = Some(Sink::new(writer));
        self
    }

    /// Where the bytes of the plugin's descriptor 2 go besides the log.
    pub fn raw_stderr(mut self, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        self.options.raw_stderr = Some(Sink::new(writer));
        self
    }
}

impl fmt::Debug for Builder {
    /// Leaves out the environment, whose values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("cookie", &self.cookie)
            .field("values", &self.values)
            .field("options", &self.options)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
