use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use rpcplugin_core::{CrashReport, Error, ExitStatus};
use tokio::{io::AsyncRead, process::ChildStdin};

use super::{Runner, RunnerLaunch, RunnerProcess};
use crate::process::{Process, Signal, launch};

/// Starts plugins as processes of this machine, with all that a [`Builder`](crate::Builder)
/// promises without a runner: a process group of its own, the death of the host, reaping.
///
/// On its own it is what a builder does anyway. Other runners use it for the command that they
/// make of the plugin's.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ProcessRunner;

impl ProcessRunner {
    /// Starts `launch` as a process.
    ///
    /// Dropping the future kills the process and has it reaped.
    ///
    /// # Errors
    ///
    /// The `HANDSHAKE_SPAWN_…` codes.
    pub async fn run(&self, launch: RunnerLaunch) -> Result<HostProcess, Error> {
        let RunnerLaunch { launch: plan, keep, as_process, .. } = launch;
        as_process.store(true, Ordering::Relaxed);
        Ok(HostProcess(self::launch(plan, keep).await?))
    }
}

impl Runner for ProcessRunner {
    fn start(
        &self,
        launch: RunnerLaunch,
    ) -> BoxFuture<'static, Result<Box<dyn RunnerProcess>, Error>> {
        Box::pin(async move {
            let process = Self.run(launch).await?;
            Ok(Box::new(process) as Box<dyn RunnerProcess>)
        })
    }
}

/// A process that a [`ProcessRunner`] started. Dropping it kills its group and has it reaped.
#[derive(Debug)]
pub struct HostProcess(Process);

impl RunnerProcess for HostProcess {
    fn id(&self) -> String {
        self.0.pid().to_string()
    }

    fn name(&self) -> String {
        self.0.name()
    }

    fn pid(&self) -> Option<u32> {
        Some(self.0.pid())
    }

    fn take_stdout(&mut self) -> Option<Box<dyn AsyncRead + Send + Unpin>> {
        Some(Box::new(self.0.take_stdout()?))
    }

    fn take_stderr(&mut self) -> Option<Box<dyn AsyncRead + Send + Unpin>> {
        Some(Box::new(self.0.take_stderr()?))
    }

    fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.0.take_stdin()
    }

    fn wait(&mut self) -> BoxFuture<'_, ExitStatus> {
        Box::pin(self.0.wait())
    }

    fn terminate(&mut self) {
        self.0.signal_group(Signal::Terminate);
    }

    fn kill(&mut self) {
        self.0.signal_group(Signal::Kill);
    }

    fn look(&mut self) {
        self.0.look();
    }

    fn conclude(&self, report: &mut CrashReport) {
        self.0.conclude(report);
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.0.finish().await;
        })
    }
}
