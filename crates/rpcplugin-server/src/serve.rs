//! The course of a server: start, serve, stop. The order is that of `docs/wire-format.md`.

use std::{
    ffi::OsString,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use rpcplugin_core::{
    Address, Error, Handshake, LaunchEnv, TransportError,
    config::{LogLevel, Setting, Value},
};
use rpcplugin_transport::Listener;

use self::running::{Parts, Running, Sides, Stopper};
use crate::{
    Server, Signals,
    bind::{self, Bound},
    guard,
    guard::{Files, HostGone, HostWatch},
    handle::{Shared, State},
    hclog, panic_hook, report,
    security::Security,
    settings::{Given, Settings},
    signals::{Interrupt, SignalHandling},
    stdio::{self, RealStdout},
    stop::Reason,
};

pub(crate) mod alone;
mod carrier;
mod logging;
mod running;
mod services;

pub(crate) use self::{logging::set_level, services::RESERVED};

/// How long the host of another library may take to read its last answers.
///
/// grpclib throws away answers that it has not handed on yet when GOAWAY comes, and takes the PING
/// that hyper sends after it for an error: python-plugin's host would then send SIGTERM.
const LINGER: Duration = Duration::from_millis(100);

/// Whose process this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// The server's: it may end it.
    Server,
    /// An embedding program's.
    Program,
}

/// See [`Server::run`].
pub(crate) async fn run(server: Server) -> ExitCode {
    panic_hook::install();
    // Until the settings are read, which may say another.
    let level = server.given.values.get(Setting::LogLevel);
    logging::install(match level {
        Some(Value::LogLevel(level)) => *level,
        _ => LogLevel::Info,
    });
    let code = match process(server, Owner::Server).await {
        Ok(ended) => {
            exit_by(ended.deadline);
            0
        }
        Err(error) => {
            report::failure(&error);
            1
        }
    };
    hclog::flush(Duration::from_millis(100));
    ExitCode::from(code)
}

/// See [`Server::run_blocking`].
pub(crate) fn run_blocking(server: Server) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(server)),
        Err(source) => {
            report::failure(&TransportError::Resources { source: source.into() }.into());
            ExitCode::FAILURE
        }
    }
}

/// An orderly end.
#[derive(Debug)]
pub(crate) struct Ended {
    /// When the process should be gone.
    deadline: Instant,
    reason: Reason,
}

/// Serves the host that started this process.
pub(crate) async fn process(server: Server, owner: Owner) -> Result<Ended, Error> {
    let ends = StateEnds(Arc::clone(&server.shared));
    let stdout = RealStdout::take()?;
    let files = Files::default();
    let (running, line) = match start(server, owner, &files) {
        Ok(started) => started,
        Err(error) => {
            if owner == Owner::Program {
                stdout.give_back();
            }
            return Err(error);
        }
    };
    // Everything answers from here on.
    stdout.print(&line)?;
    let ended = running.until_stopped().await;
    if ends.0.stop.host_is_gone() {
        files.remove_given();
    } else if ended.reason == Reason::Signal {
        files.remove_given_after_signal();
    }
    drop(ends);
    Ok(ended)
}

/// Everything up to the line, in a runtime. Nothing here waits.
fn start(server: Server, owner: Owner, files: &Files) -> Result<(Running, String), Error> {
    let Server { cookie, sets, given, layers, environment, shared, hooks } = server;
    cookie.check()?;
    let variables = environment.variables();
    let launch = environment.read(&cookie)?;
    let settings = settle(given, variables, &shared)?;
    let sets = services::supported(sets, &settings.config)?;
    let version = services::choose_version(&sets, &launch)?;
    let set = services::take_set(sets, version)?;

    let handle_signals = owner == Owner::Server || settings.options.signals == Signals::Handle;
    let interrupt =
        if settings.config.ignore_sigint() { Interrupt::Ignored } else { Interrupt::Stops };
    let signals = handle_signals
        .then(|| SignalHandling::start(shared.stop.clone(), files.clone(), interrupt))
        .transpose()
        .map_err(|source| TransportError::Resources { source: source.into() })?;
    watch_host(&launch, &settings, owner, &shared, files)?;

    let security = Security::choose(launch.client_cert.as_deref(), &settings)?;
    let Bound { listener, sides } = bind::bind(&launch, &settings, security.is_tls())?;
    let bound = listener.address();
    if let Address::Unix(path) = &bound {
        let own_directory =
            launch.socket_dir.is_none() && settings.config.server_unix_socket_path().is_none();
        files.add(path.clone(), own_directory);
        if let Some(given) = &launch.socket_dir {
            files.given(given.into());
        }
    }
    let announced = bind::announced(bound, &settings, security.is_tls())?;
    let mut handshake = Handshake::new(version, announced);
    handshake.certificate = security.field();
    handshake.multiplexing = launch.multiplexes();
    let multiplexes = handshake.multiplexing == Some(true);
    let line = handshake.to_line()?;

    let output = stdio::of_process();
    output.resize(settings.config.stdio_buffer_bytes());
    output.open();
    let any_user = launch.socket_group.is_some() || settings.opens_socket();
    let group = bind::socket_group(&launch)?;
    // Hosts of ours read their answers whatever follows them.
    let linger = if launch.lifeline { Duration::ZERO } else { LINGER };
    let sides = Sides { sockets: sides, files: files.clone() };
    let stopper = Stopper::Host;
    let parts = Parts {
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
    };
    let running = Running::launch(parts, listener, signals, owner)?;
    Ok((running, format!("{line}\n")))
}

/// Puts the layers of settings together, and goes by what they say of the start itself.
fn settle(
    given: Given,
    variables: Vec<(OsString, OsString)>,
    shared: &Shared,
) -> Result<Settings, Error> {
    let settings = given.resolve(variables)?;
    logging::set_level(settings.config.log_level());
    let limit = settings.config.server_ready_timeout();
    shared.state.send_replace(State::Starting { limit });
    Ok(settings)
}

/// See [`Server::serve_on`].
pub(crate) async fn on(
    server: Server,
    listener: Box<dyn Listener>,
    version: u32,
) -> Result<(), Error> {
    let Server { sets, given, layers, environment, shared, hooks, .. } = server;
    let ends = StateEnds(Arc::clone(&shared));
    let settings = settle(given, environment.given_variables(), &shared)?;
    let launch = environment.read_given();
    let sets = services::supported(sets, &settings.config)?;
    let set = services::take_set(sets, version)?;
    let security = Security::choose(launch.client_cert.as_deref(), &settings)?;
    let output = Arc::default();
    let linger = Duration::ZERO;
    let any_user = false;
    let sockets = bind::beside_a_given(&*listener, &launch, &settings);
    let sides = Sides { sockets, files: Files::default() };
    let stopper = Stopper::Host;
    let parts = Parts {
        set,
        version,
        settings,
        layers,
        security,
        sides,
        multiplexes: false,
        output,
        any_user,
        group: None,
        linger,
        shared,
        hooks,
        stopper,
    };
    Running::launch(parts, listener, None, Owner::Program)?.until_stopped().await;
    drop(ends);
    Ok(())
}

fn watch_host(
    launch: &LaunchEnv,
    settings: &Settings,
    owner: Owner,
    shared: &Shared,
    files: &Files,
) -> Result<(), TransportError> {
    let watch = match (settings.options.detached, launch.lifeline) {
        (true, _) => HostWatch::Off,
        (false, true) => HostWatch::Lifeline,
        (false, false) => HostWatch::Parent,
    };
    let hard = owner == Owner::Server;
    let gone = HostGone { stop: shared.stop.clone(), hard, files: files.clone() };
    guard::watch(watch, gone)
        .map_err(|source| TransportError::Resources { source: source.into() })?;
    #[cfg(unix)]
    if watch == HostWatch::Lifeline {
        guard::lower_death_signal();
    }
    Ok(())
}

/// Ends the process if `main` does not in time: a call that was cut may still block a thread that
/// the runtime waits for, and the host's patience is counted.
fn exit_by(deadline: Instant) {
    /// So that the process is gone before the deadline, not about then.
    const MARGIN: Duration = Duration::from_millis(100);
    let wait = deadline.saturating_duration_since(Instant::now()).saturating_sub(MARGIN);
    #[expect(clippy::exit, reason = "main had its time")]
    let exit = move || {
        std::thread::sleep(wait.max(MARGIN));
        // Through the queue: nobody may be reading stderr any more.
        hclog::send(b"the plugin's main did not end in time\n".to_vec());
        std::process::exit(0)
    };
    let _ = std::thread::Builder::new().name("rpcplugin-exit".to_owned()).spawn(exit);
}

/// Marks the server as ended, however its future ends.
struct StateEnds(Arc<Shared>);

impl Drop for StateEnds {
    fn drop(&mut self) {
        self.0.state.send_replace(State::Ended);
        self.0.stop.ended();
    }
}
