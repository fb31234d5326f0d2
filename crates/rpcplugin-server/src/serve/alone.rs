//! Servers that no host has started.

use std::{io::Write as _, process::ExitCode, sync::Arc, time::Duration};

use rpcplugin_core::{Address, Error, LaunchEnv, Reattach, TransportError};
use rpcplugin_transport::Birth;
use tracing::instrument::WithSubscriber as _;

use super::{Owner, Parts, Running, Sides, StateEnds, Stopper, services, settle};
use crate::{
    ListenOn, Server, Signals, TestServer,
    bind::{self, Bound},
    guard::Files,
    report,
    security::Security,
    signals::{Interrupt, SignalHandling},
};

/// See [`Server::standalone`].
pub(crate) async fn standalone(mut server: Server, listen: ListenOn) -> Result<(), Error> {
    let ends = StateEnds(Arc::clone(&server.shared));
    let handle_signals = server.given.options.signals == Signals::Handle;
    server.given.listen(listen);
    let (running, _) = start(server, handle_signals)?;
    running.until_stopped().await;
    drop(ends);
    Ok(())
}

/// See [`Server::test`].
pub(crate) fn test(server: Server) -> Result<TestServer, Error> {
    begin(server, false)
}

/// See [`Server::debug_attach`].
pub(crate) async fn debug_attach(server: Server, name: &str) -> ExitCode {
    let serving = async {
        let server = begin(server, true)?;
        let json = server.reattach().to_json(name)?;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{json}")
            .and_then(|()| stdout.flush())
            .map_err(|source| TransportError::StdoutClosed { source: source.into() })?;
        let _ = writeln!(
            std::io::stderr(),
            "The plugin serves until Ctrl-C. Give its host the line above in its reattach variable."
        );
        server.ended().await;
        Ok::<_, Error>(())
    };
    match serving.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn begin(server: Server, handle_signals: bool) -> Result<TestServer, Error> {
    let handle = server.handle();
    let ends = StateEnds(Arc::clone(&server.shared));
    let (running, reattach) = start(server, handle_signals)?;
    let serving = async move {
        running.until_stopped().await;
        drop(ends);
    };
    let serving = tokio::spawn(serving.with_current_subscriber());
    Ok(TestServer::new(reattach, handle, serving))
}

/// Everything up to the first call. Nothing here waits.
fn start(server: Server, handle_signals: bool) -> Result<(Running, Reattach), Error> {
    let Server { sets, given, layers, environment, shared, hooks, .. } = server;
    // What a host may have left in the environment was meant for somebody else; settings were not.
    let launch = LaunchEnv::default();
    let settings = settle(given, environment.variables(), &shared)?;
    let sets = services::supported(sets, &settings.config)?;
    let version = services::highest_version(&sets)?;
    let set = services::take_set(sets, version)?;
    let files = Files::default();
    let signals = handle_signals
        .then(|| SignalHandling::start(shared.stop.clone(), files.clone(), Interrupt::Stops))
        .transpose()
        .map_err(|source| TransportError::Resources { source: source.into() })?;
    let security = Security::choose(None, &settings)?;
    let Bound { listener, sides } = bind::bind(&launch, &settings, security.is_tls())?;
    let bound = listener.address();
    if let Address::Unix(path) = &bound {
        files.add(path.clone(), settings.config.server_unix_socket_path().is_none());
    }
    let announced = bind::announced(bound, &settings, security.is_tls())?;
    let mut reattach = Reattach::new(std::process::id(), announced, version);
    reattach.test = true;
    if let Some(Birth { start_time, boot_id, .. }) = Birth::of(reattach.pid) {
        (reattach.start_time, reattach.boot_id) = (Some(start_time), Some(boot_id));
    }
    let parts = Parts {
        set,
        version,
        // Certificates prove who comes, whoever that is to this machine.
        any_user: security.is_tls() || settings.opens_socket(),
        group: None,
        settings,
        layers,
        security,
        sides: Sides { sockets: sides, files },
        // Several hosts may come and go.
        multiplexes: false,
        output: Arc::default(),
        linger: Duration::ZERO,
        shared,
        hooks,
        stopper: Stopper::Program,
    };
    let running = Running::launch(parts, listener, signals, Owner::Program)?;
    Ok((running, reattach))
}
