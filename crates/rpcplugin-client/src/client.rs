use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rpcplugin_broker::Broker;
use rpcplugin_core::{Address, CrashReport, Error, ExitStatus, MagicCookie, Phase, TransportError};
use rpcplugin_transport::{Generation, PluginChannel};
use tokio::{process::ChildStdin, sync::watch};

use crate::{
    Builder, HealthWatch, ServingStatus, ShutdownOutcome, ShutdownReport, State, StateChanges,
    Stdio, Timings, Tls, Usage,
    attached::Lease,
    health,
    live::Live,
    protection::Protection,
    stdio::Buffer,
    supervise::{End, Want},
};

mod handover;
mod introduction;
mod settings;

/// A running plugin, as its host holds it.
///
/// Clones are handles of the same plugin. When the last is dropped, the plugin is killed and
/// reaped, without being asked; use [`shutdown`](Client::shutdown) to end it in order. A runtime
/// that ends takes its plugins with it, so the handle may also be dropped later. Only a
/// current-thread runtime that exists and is not run holds the end up, until it runs or ends.
/// Clients made by [`dispense`](Client::dispense) do not keep a plugin alive.
///
/// # Example
///
/// ```no_run
/// use rpcplugin_client::Client;
/// use rpcplugin_core::MagicCookie;
/// use tokio::process::Command;
///
/// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
///
/// # async fn run() -> Result<(), rpcplugin_core::Error> {
/// let plugin = Client::builder(COOKIE).spawn(Command::new("./kv-plugin")).await?;
/// plugin.ping().await?;
/// let stopped = plugin.shutdown().await?;
/// println!("{stopped}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// What every handle knows. The supervising task holds none of it, so that the end of the last
/// handle is the end of `want`.
pub(crate) struct Shared {
    pub(crate) want: watch::Sender<Want>,
    pub(crate) states: watch::Receiver<State>,
    pub(crate) end: watch::Receiver<Option<End>>,
    pub(crate) channel: PluginChannel,
    pub(crate) generation: Generation,
    pub(crate) broker: Broker,
    pub(crate) stdio: Arc<Buffer>,
    pub(crate) stdin: Mutex<Option<ChildStdin>>,
    /// Of a plugin that others may attach to.
    pub(crate) lease: Mutex<Option<Lease>>,
    /// The settings as they hold now.
    pub(crate) live: Arc<Live>,
    /// What dynamic calls go by.
    #[cfg(feature = "dynamic")]
    pub(crate) source: crate::dynamic::Source,
    pub(crate) facts: Facts,
}

/// What does not change during a plugin's life.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) started: Instant,
    pub(crate) version: u32,
    pub(crate) address: Address,
    pub(crate) line: Option<String>,
    pub(crate) timings: Timings,
    pub(crate) health_check_timeout: Duration,
    pub(crate) protection: Protection,
    /// Whether it goes on without this host.
    pub(crate) stays: bool,
    pub(crate) is_process: bool,
}

impl Client {
    /// Begins to describe how a plugin is started. The cookie is the one that the plugin expects.
    pub fn builder(cookie: MagicCookie) -> Builder {
        Builder::new(cookie)
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Makes a typed client: `plugin.dispense(KvClient::new)`.
    ///
    /// It is cheap. What it returns can be cloned and kept, and its calls end with
    /// `TRANSPORT_PLUGIN_GONE` or `TRANSPORT_SHUT_DOWN` once the plugin has ended.
    pub fn dispense<T>(&self, constructor: impl FnOnce(PluginChannel) -> T) -> T {
        constructor(self.channel())
    }

    /// The connection, for any tonic client or generic call. It belongs to this process and never
    /// reaches another one.
    #[must_use]
    pub fn channel(&self) -> PluginChannel {
        self.shared.channel.clone()
    }

    /// Opens side channels between this host and the plugin, in both directions: it serves what
    /// the plugin may call back, and dials what the plugin serves.
    ///
    /// They end with the plugin. A broker does not keep a plugin alive.
    #[must_use]
    pub fn broker(&self) -> Broker {
        self.shared.broker.clone()
    }

    /// The application version that was agreed on.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.shared.facts.version
    }

    /// The process's id. After the plugin's end it may be another process's. 0 if the plugin's
    /// [`Runner`](crate::Runner) knows none, or if this host only
    /// [connected](Builder::connect) to the plugin.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.shared.facts.pid
    }

    /// Where the plugin listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.shared.facts.address
    }

    /// Time since the process was started.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.shared.facts.started.elapsed()
    }

    /// How long each phase of the start took.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.shared.facts.timings
    }

    /// What the process uses now; `None` once it is ending, and on systems that do not tell
    /// (only Linux does).
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let usage = Usage::of(self.pid())?;
        // Before its end begins nobody else can have its id.
        (self.state() == State::Running).then_some(usage)
    }

    /// How the connection is protected.
    #[must_use]
    pub fn tls(&self) -> Tls {
        match &self.shared.facts.protection {
            #[cfg(feature = "tls")]
            Protection::Mutual(_) => Tls::Auto,
            #[cfg(feature = "tls")]
            Protection::Custom(custom) => Tls::Custom(custom.custom.clone()),
            Protection::Plaintext => Tls::Plaintext,
        }
    }

    /// The plugin's certificate, the only one that this client accepts; `None` in plaintext, and
    /// where an operator's roots decide.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&rpcplugin_tls::Certificate> {
        self.mutual().map(|mutual| &mutual.peer)
    }

    /// This host's certificate for this plugin; `None` in plaintext.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn host_certificate(&self) -> Option<&rpcplugin_tls::Certificate> {
        self.host_identity().map(rpcplugin_tls::Identity::certificate)
    }

    /// What the latest TLS handshake agreed on; `None` in plaintext.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_info(&self) -> Option<rpcplugin_tls::TlsInfo> {
        self.shared.facts.protection.layer().and_then(rpcplugin_tls::TlsLayer::info)
    }

    /// Asks whether the plugin answers at all, and returns how long that took. What its health
    /// service says, or that it has none, is for [`health`](Client::health).
    ///
    /// # Errors
    ///
    /// `TRANSPORT_DEADLINE` after [`health_check_timeout`](Builder::health_check_timeout);
    /// `TRANSPORT_PLUGIN_GONE`, `TRANSPORT_SHUT_DOWN` or another failure of the connection.
    pub async fn ping(&self) -> Result<Duration, Error> {
        let start = Instant::now();
        match self.health(health::PLUGIN).await {
            Ok(_) | Err(Error::Protocol { .. }) => Ok(start.elapsed()),
            Err(error) => Err(error),
        }
    }

    /// The health of one service, `""` and `"plugin"` being the plugin as a whole.
    /// [`ServingStatus::ServiceUnknown`] means that the plugin does not report it.
    ///
    /// # Errors
    ///
    /// As [`ping`](Client::ping), and `PROTOCOL_STATUS` if the plugin refused the call.
    pub async fn health(&self, service: &str) -> Result<ServingStatus, Error> {
        health::check(self.channel(), service, self.shared.facts.health_check_timeout).await
    }

    /// The health of one service as it changes.
    #[must_use]
    pub fn watch_health(&self, service: impl Into<String>) -> HealthWatch {
        HealthWatch::new(
            self.channel(),
            self.shared.generation.clone(),
            service.into(),
            self.shared.facts.health_check_timeout,
        )
    }

    /// Everything that the plugin prints over the stdio service, from its start on. Without a
    /// reader and without a sink, its lines are DEBUG events.
    #[must_use]
    pub fn stdio(&self) -> Stdio {
        Stdio::new(self.shared.stdio.clone())
    }

    /// The plugin's standard input, once, if the builder said [`Stdin::Piped`](crate::Stdin::Piped).
    #[must_use]
    pub fn take_stdin(&self) -> Option<ChildStdin> {
        self.shared.stdin.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Where the plugin is in its life.
    #[must_use]
    pub fn state(&self) -> State {
        // It is known how it ended a moment before everybody is told that it has.
        if self.shared.end.borrow().is_some() {
            return State::Ended;
        }
        *self.shared.states.borrow()
    }

    /// The states from now on.
    #[must_use]
    pub fn state_changes(&self) -> StateChanges {
        StateChanges::new(self.shared.states.clone())
    }

    /// Waits until the plugin has ended, for whatever reason, and tells what is known of it.
    ///
    /// Dropping the future has no effect on the plugin.
    pub async fn exited(&self) -> CrashReport {
        match self.ended().await {
            Some(end) => CrashReport::clone(&end.report),
            None => {
                let mut report = CrashReport::new(Phase::Running);
                report.pid = Some(self.pid()).filter(|pid| *pid != 0);
                report.alive = self.uptime();
                report
            }
        }
    }

    /// How the process ended; `None` while it has not.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.shared.end.borrow().as_ref().and_then(|end| end.stopped.status)
    }

    /// Ends the plugin in order: asks it to stop, waits
    /// [`grpc_grace_period`](Builder::grpc_grace_period), sends SIGTERM, waits
    /// [`terminate_timeout`](Builder::terminate_timeout), kills its process group, and reaps it.
    /// Calls in flight may finish meanwhile; new ones end with `TRANSPORT_SHUT_DOWN`.
    ///
    /// It takes at most these two times and two seconds, whatever the plugin does. Any handle may
    /// stop or kill, at the same time and repeatedly: all get the same report. Dropping the
    /// future of the last handle kills at once.
    ///
    /// A plugin in test mode, and one that this host only connected to, are not its to end: they
    /// are [left](ShutdownOutcome::Left), and calls in flight end with `TRANSPORT_SHUT_DOWN`.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_PLUGIN_GONE` with its crash report if the plugin had ended by itself before
    /// anybody asked.
    pub async fn shutdown(self) -> Result<ShutdownReport, Error> {
        let start = Instant::now();
        self.wish(Want::Stopped);
        match self.ended().await {
            Some(End { report, by_itself: true, .. }) => {
                Err(TransportError::PluginGone { report: Some(Box::new((*report).clone())) }.into())
            }
            Some(end) => Ok(end.stopped),
            None => Ok(killed_with_its_runtime(start)),
        }
    }

    /// Kills the plugin's process group and reaps the plugin, within a second. Again it does
    /// nothing, and returns the same. Dropping the future changes nothing: the plugin is killed.
    /// One that is not this host's to end is left, as by [`shutdown`](Client::shutdown).
    pub async fn kill(&self) -> ShutdownReport {
        let start = Instant::now();
        self.wish(Want::Killed);
        self.ended().await.map_or_else(|| killed_with_its_runtime(start), |end| end.stopped)
    }

    #[cfg(feature = "tls")]
    fn mutual(&self) -> Option<&crate::protection::Mutual> {
        match &self.shared.facts.protection {
            Protection::Mutual(mutual) => Some(mutual),
            Protection::Custom(_) | Protection::Plaintext => None,
        }
    }

    fn wish(&self, wish: Want) {
        self.shared.want.send_if_modified(|want| {
            let is_more = wish > *want;
            *want = wish.max(*want);
            is_more
        });
    }

    /// `None` if the supervising task went down with its runtime, and the plugin with it.
    async fn ended(&self) -> Option<End> {
        let mut end = self.shared.end.clone();
        let end = end.wait_for(Option::is_some).await.ok()?;
        end.clone()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("name", &self.shared.facts.name)
            .field("pid", &self.pid())
            .field("version", &self.version())
            .field("address", self.address())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

fn killed_with_its_runtime(start: Instant) -> ShutdownReport {
    ShutdownReport { outcome: ShutdownOutcome::Killed, status: None, took: start.elapsed() }
}
