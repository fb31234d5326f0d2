use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rpcplugin_broker::{Broker, Reception};
use rpcplugin_core::{Error, limits};
use rpcplugin_transport::{
    EndReason, Generation, Listener,
    serving::{Calls, Connections, Endings, Layers},
};
use tokio::{
    task::JoinHandle,
    time::{timeout, timeout_at},
};

use super::{
    Ended, Owner,
    carrier::Carrier,
    services::{self, Extras},
};
use crate::{
    Context, HealthReporter, PluginSet, exit,
    guard::{self, Files, HostGone},
    handle::{Ready, Shared, State},
    hooks::{AtWork, Hooks},
    reflection,
    security::Security,
    settings::Settings,
    shutdown_file::ShutdownFile,
    side::{PluginSide, SideSockets},
    signals::SignalHandling,
    stdio::Output,
    stop::{Reason, Request},
};

/// What a server is made of once every choice is made.
pub(super) struct Parts {
    pub(super) set: PluginSet,
    pub(super) version: u32,
    pub(super) settings: Settings,
    pub(super) layers: Layers,
    pub(super) security: Security,
    pub(super) sides: Sides,
    /// Everything travels on one connection.
    pub(super) multiplexes: bool,
    pub(super) output: Arc<Output>,
    pub(super) any_user: bool,
    /// The number of the group that the host opens its sockets to.
    pub(super) group: Option<u32>,
    /// How long the host may take to read its last answers before the connections close.
    pub(super) linger: Duration,
    pub(super) shared: Arc<Shared>,
    pub(super) hooks: Hooks,
    pub(super) stopper: Stopper,
}

/// Who ends a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stopper {
    /// The host that has it, by calling its controller.
    Host,
    /// Its own program: to hosts there is no controller.
    Program,
}

/// Where side channels listen, and who removes their sockets at a hard end.
pub(super) struct Sides {
    pub(super) sockets: SideSockets,
    pub(super) files: Files,
}

/// A server that answers calls. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub(super) struct Running {
    shared: Arc<Shared>,
    output: Arc<Output>,
    owner: Owner,
    linger: Duration,
    endings: Endings,
    broker: Broker,
    accepting: Abort,
    cut: CutOnDrop,
    carrier: Carrier,
    _reporting: Abort,
    _signals: Option<SignalHandling>,
    _shutdown_file: Option<ShutdownFile>,
    hooks: Hooks,
}

impl Running {
    /// Begins to accept connections.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` if descriptors are unreadable or the shutdown file cannot be watched.
    pub(super) fn launch(
        parts: Parts,
        listener: Box<dyn Listener>,
        signals: Option<SignalHandling>,
        owner: Owner,
    ) -> Result<Self, Error> {
        let Parts {
            set,
            version,
            settings,
            layers,
            security,
            sides,
            multiplexes,
            output,
            any_user,
            group,
            linger,
            shared,
            hooks,
            stopper,
        } = parts;
        let config = settings.config.clone();
        let shutdown_file = config
            .shutdown_file_path()
            .map(|path| ShutdownFile::watch(path, shared.stop.clone()))
            .transpose()?;
        let calls = Calls::new(Arc::clone(&shared.in_flight))
            .max_receive_message_size(config.grpc_max_receive_message_size())
            .max_send_message_size(config.grpc_max_send_message_size());
        let reception = Reception::new(calls.clone())
            .layers(layers.clone())
            .any_user(any_user)
            .max_streams(config.grpc_max_concurrent_streams());
        let side = PluginSide {
            sockets: sides.sockets,
            files: sides.files,
            protection: security.protection.clone(),
            reception,
            group,
        };
        let generation = Generation::new();
        let address = listener.address();
        let (carrier, listener) =
            Carrier::new(multiplexes, &security.protection.present(), listener, &shared.stop);
        let broker = carrier.broker(side, settings.broker_options(), generation.clone());
        let context = Context {
            broker: broker.clone(),
            health: shared.health.clone(),
            stop: shared.stop.clone(),
            version,
        };
        for name in set.names() {
            shared.health.set(name, crate::Serving::Serving);
        }
        let extras = Extras {
            stopper,
            health: config.health_service_enabled(),
            reflection: reflection::is_on(config.reflection(), security.is_tls()),
        };
        let dispatcher =
            services::dispatcher(set, &context, &extras, Arc::clone(&output), &layers, calls)?;

        let certificate = security.certificate();
        let endings = Endings::new(shared.stop.token());
        let connections =
            Connections::new(dispatcher, security.protection.clone(), endings.clone())
                .any_user(any_user)
                .keepalive(settings.keepalive())
                .max_streams(config.grpc_max_concurrent_streams());
        let accepting = Abort(tokio::spawn(connections.accept(listener)));
        let losses = Arc::clone(&output);
        let reporting = Abort(tokio::spawn(async move { losses.report_losses().await }));
        shared.live.begin(settings, security.protection);
        shared.state.send_replace(State::Ready(Ready { address, certificate }));
        Ok(Self {
            shared,
            output,
            owner,
            linger,
            endings: endings.clone(),
            broker,
            accepting,
            cut: CutOnDrop { endings, generation, health: context.health },
            carrier,
            _reporting: reporting,
            _signals: signals,
            _shutdown_file: shutdown_file,
            hooks,
        })
    }

    /// Serves until somebody asks for the stop, then stops in order: new calls are turned away,
    /// those in progress have the grace period less what the exit needs, captured output is
    /// flushed, streams end, connections close. The socket is gone from the start of it.
    pub(super) async fn until_stopped(mut self) -> Ended {
        let ready = AtWork::begin("on_ready", self.hooks.ready.take().map(|hook| hook()));
        let Request { reason, grace, at } = self.shared.stop.requested().await;
        let usual = self.shared.live.grace();
        let grace = match reason {
            Reason::HostGone => usual.min(HostGone::GRACE),
            _ => grace.unwrap_or(usual),
        };
        let reserve = limits::EXIT_RESERVE.min(grace / 2);
        // A program may ask for more time than a clock can count.
        let grace = grace.min(Settings::LONGEST_GRACE);
        let deadline = at + grace;
        tracing::debug!(%reason, ?grace, "stopping");
        drop(ready);
        self.shared.health.drain();
        self.shared.in_flight.refuse();
        let exits = reason == Reason::Exit;
        let drain = self.hooks.drain.take().filter(|_| !exits).map(|hook| hook());
        let drain = AtWork::begin("on_drain", drain);
        // The accept loop ends by itself, and its listener with it.
        let _ = (&mut self.accepting.0).await;

        // Half of the reserve is the process's own.
        let mut flushed_by = deadline - reserve / 2;
        if exits {
            // The call that exits would be waited for in vain.
            flushed_by = at + exit::LIMIT;
        } else {
            let idle = self.shared.in_flight.idle();
            if timeout_at((deadline - reserve).into(), idle).await.is_err() {
                let calls = self.shared.in_flight.calls();
                tracing::warn!(
                    calls,
                    ?grace,
                    "calls were cut: they took longer than the grace period"
                );
            }
            if timeout_at((deadline - reserve).into(), drain.finish()).await.is_err() {
                tracing::warn!("on_drain was cut: it took longer than the grace period");
            }
            self.shut_down(deadline - reserve * 3 / 4).await;
        }
        // What the last calls printed still counts.
        if timeout_at(flushed_by.into(), self.flush()).await.is_err() {
            tracing::debug!("connections were cut");
        }
        // Also what nobody was told of since the last warning.
        self.output.tell_losses();
        self.carrier.close().await;
        // Their sockets go at once; only a handler that blocks its thread could hold this up.
        self.cut.generation.end(EndReason::ShutDown);
        let _ = timeout(SIDES, self.broker.finished()).await;
        if self.owner == Owner::Server && self.shared.stop.host_is_gone() {
            #[cfg(unix)]
            guard::kill_others();
        }
        if self.owner == Owner::Server && reason == Reason::Signal {
            #[cfg(unix)]
            guard::kill_others_after_signal();
        }
        if let Some(code) = self.shared.stop.exit_code() {
            match exit::now(code) {}
        }
        Ended { deadline, reason }
    }

    /// Runs the author's last hook.
    async fn shut_down(&mut self, deadline: Instant) {
        let Some(hook) = self.hooks.shutdown.take() else { return };
        let hook = hook(deadline.saturating_duration_since(Instant::now()));
        let hook = AtWork::begin("on_shutdown", Some(hook));
        if timeout_at(deadline.into(), hook.finish()).await.is_err() {
            tracing::warn!("on_shutdown was cut: it took longer than was left");
        }
    }

    /// Sends captured output to its end, ends the streams, and waits for connections to close.
    async fn flush(&mut self) {
        // `print!` without a newline leaves text in a buffer. Another thread may hold its lock.
        let buffered = tokio::task::spawn_blocking(|| {
            let _ = std::io::Write::flush(&mut std::io::stdout());
        });
        let _ = timeout(Duration::from_millis(50), buffered).await;
        guard::emptied().await;
        self.output.close();
        // Most hosts close the connection as soon as they have their answer.
        let _ = timeout(self.linger, self.endings.finished()).await;
        self.shared.stop.end_streams();
        self.cut.generation.end(EndReason::ShutDown);
        self.endings.close();
        self.endings.finished().await;
    }
}

/// Time for side channels to end when nothing holds them up.
const SIDES: Duration = Duration::from_millis(100);

/// Ends its task when it goes.
#[derive(Debug)]
pub(super) struct Abort(pub(super) JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends every connection, every side channel and every health check when it goes.
#[derive(Debug)]
struct CutOnDrop {
    endings: Endings,
    generation: Generation,
    health: HealthReporter,
}

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.generation.end(EndReason::ShutDown);
        self.endings.cut();
        self.health.drain();
    }
}
