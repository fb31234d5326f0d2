//! From a plan to a running plugin, in stages that are types:
//! [`Plan`] → [`Prepared`] → [`Launched`] → [`Introduced`] → [`Connected`] → [`Client`].
//!
//! A plugin of this process is [joined](join) at the stage before the last, and so is one that
//! runs already, when it is [attached](attach) or [connected](connect) to.
//!
//! **Invariant:** from [`Launched`] on, dropping a stage kills the process and has it reaped, and
//! every error does so before it is returned.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rpcplugin_core::{Error, HandshakeError, Phase, SecurityError};
use tokio::{process::Command, time::Instant};

use crate::{
    Client, Runner, RunnerLaunch,
    life::Piped,
    plan::Plan,
    process::Process,
    runner::{Keep, Ran},
};

mod attach;
mod candidate;
mod clock;
mod connect;
mod introduce;
mod join;
mod prepare;
mod running;

pub(crate) use self::{
    attach::{attach, connect},
    join::join,
};
use self::{
    candidate::{Candidate, Failure},
    clock::Clock,
    prepare::{Kept, Prepared},
};

/// Starts a plugin; see [`Builder::spawn`](crate::Builder::spawn).
pub(crate) async fn start(plan: Plan, command: Command) -> Result<Client, Error> {
    let clock = Clock::start(plan.settings.config.start_timeout());
    let prepared = Prepared::new(&plan, command, &clock).await?;
    match plan.settings.options.runner.clone() {
        None => finish(Launched::launch(prepared, &plan, &clock).await?, plan, &clock).await,
        Some(runner) => {
            finish(Launched::run(&*runner, prepared, &plan, &clock).await?, plan, &clock).await
        }
    }
}

/// The stages that are the same however the process came to be.
async fn finish<L: Piped>(
    launched: Launched<L>,
    plan: Plan,
    clock: &Clock,
) -> Result<Client, Error> {
    let introduced = launched.introduce(&plan, clock).await?;
    let mut connected = introduced.connect(&plan, clock).await?;
    let stdin = connected.candidate.process.take_stdin();
    Ok(connected.run(plan.settings, stdin))
}

/// A process that runs, and has not said yet what it is.
struct Launched<L> {
    candidate: Candidate<L>,
    kept: Kept,
    at: Instant,
    spawn: Duration,
}

impl Launched<Ran> {
    async fn run(
        runner: &dyn Runner,
        prepared: Prepared,
        plan: &Plan,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let Prepared { launch, directory, kept } = prepared;
        #[cfg(unix)]
        let sockets = directory.as_ref().map(|made| made.path().to_owned());
        #[cfg(not(unix))]
        let sockets = None;
        let keep: Keep = directory.map(|made| Arc::new(made) as _);
        let confined = plan.settings.options.confinement.is_for_a_process();
        let as_process = Arc::new(AtomicBool::new(false));
        let launch =
            RunnerLaunch { launch, sockets, keep: keep.clone(), as_process: as_process.clone() };
        let started = clock.end().within(runner.start(launch)).await;
        let process = started.map_err(|limit| HandshakeError::Timeout { limit })??;
        let launched = Self::new(Ran::new(process, keep), kept, plan, clock);
        if confined && !as_process.load(Ordering::Relaxed) {
            let detail =
                "the runner starts no process of this machine, which could be held in them";
            let error = SecurityError::IsolationFailed { detail: detail.to_owned() };
            let failure = Failure::refused(Phase::Spawn, error);
            return Err(launched.candidate.give_up(failure).await);
        }
        Ok(launched)
    }
}

impl Launched<Process> {
    async fn launch(prepared: Prepared, plan: &Plan, clock: &Clock) -> Result<Self, Error> {
        let Prepared { launch, directory, kept } = prepared;
        let settings = &plan.settings;
        let bound = clock.end();
        #[cfg(unix)]
        let outlives = directory
            .as_ref()
            .filter(|_| settings.options.detach)
            .map(|made| made.path().to_owned());
        let process = bound
            .within(crate::process::launch(launch, directory))
            .await
            .map_err(|limit| HandshakeError::Timeout { limit })??;
        tracing::debug!(pid = process.pid(), program = %process.program().display(), "process was started");
        #[cfg(unix)]
        if let Some(path) = outlives
            && let Err(error) = rpcplugin_transport::PrivateDir::keep_for(&path, process.pid())
        {
            tracing::warn!(path = %path.display(), %error, "once this host is gone, another may take the directory of its detached plugin for one that is not needed");
        }
        Ok(Self::new(process, kept, plan, clock))
    }
}

impl<L: Piped> Launched<L> {
    fn new(process: L, kept: Kept, plan: &Plan, clock: &Clock) -> Self {
        let candidate = Candidate::new(process, &plan.settings);
        let at = Instant::now();
        Self { candidate, kept, at, spawn: at - clock.began() }
    }
}
