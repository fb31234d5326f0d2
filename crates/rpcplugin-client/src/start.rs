//! From a plan to a running plugin, in stages that are types:
//! [`Plan`] → [`Prepared`] → [`Launched`] → [`Introduced`] → [`Connected`] → [`Client`].
//!
//! A plugin of this process is [joined](join) at the stage before the last.
//!
//! **Invariant:** from [`Launched`] on, dropping a stage kills the process and has it reaped, and
//! every error does so before it is returned.

use std::time::Duration;

use rpcplugin_core::{Error, HandshakeError};
use tokio::{process::Command, time::Instant};

use crate::{Client, plan::Plan};

mod candidate;
mod clock;
mod connect;
mod introduce;
mod join;
mod prepare;
mod running;

pub(crate) use self::join::join;
use self::{
    candidate::Candidate,
    clock::Clock,
    prepare::{Kept, Prepared},
};

/// Starts a plugin; see [`Builder::spawn`](crate::Builder::spawn).
pub(crate) async fn start(plan: Plan, command: Command) -> Result<Client, Error> {
    let clock = Clock::start(plan.settings.start_timeout);
    let prepared = Prepared::new(&plan, command)?;
    let launched = Launched::launch(prepared, &plan, &clock).await?;
    let introduced = launched.introduce(&plan, &clock).await?;
    let mut connected = introduced.connect(&plan, &clock).await?;
    let stdin = connected.candidate.process.take_stdin();
    Ok(connected.run(plan.settings, stdin))
}

/// A process that runs, and has not said yet what it is.
struct Launched {
    candidate: Candidate,
    kept: Kept,
    at: Instant,
    spawn: Duration,
}

impl Launched {
    async fn launch(prepared: Prepared, plan: &Plan, clock: &Clock) -> Result<Self, Error> {
        let Prepared { launch, directory, kept } = prepared;
        let settings = &plan.settings;
        let bound = clock.end();
        #[cfg(unix)]
        let outlives =
            directory.as_ref().filter(|_| settings.detach).map(|made| made.path().to_owned());
        let process = bound
            .within(crate::process::launch(launch, directory))
            .await
            .map_err(|limit| HandshakeError::Timeout { limit })??;
        #[cfg(unix)]
        if let Some(path) = outlives
            && let Err(error) = rpcplugin_transport::PrivateDir::keep_for(&path, process.pid())
        {
            tracing::warn!(path = %path.display(), %error, "once this host is gone, another may take the directory of its detached plugin for one that is not needed");
        }
        let raw = settings.raw_stderr.as_ref().map(|sink| sink.writer());
        let candidate = Candidate::new(process, settings.stderr_tail_lines, raw);
        let at = Instant::now();
        Ok(Self { candidate, kept, at, spawn: at - clock.began() })
    }
}
