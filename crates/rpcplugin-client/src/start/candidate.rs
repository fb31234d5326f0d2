use std::time::Duration;

use rpcplugin_core::{Error, ExitStatus, HandshakeError, Phase, TransportError};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    life::{Life, Piped},
    output::{LineReader, StderrOptions, Tail, drain_stdout, relay_stderr},
    report::Witness,
    settings::Settings,
    stdio::Sink,
};

/// Bound on the end of a start that failed. With the moment that a process which is let go of is
/// waited for, it is two seconds.
const GIVE_UP: Duration = Duration::from_millis(1900);

/// A process that is to become a plugin, with the tasks that read its pipes.
pub(super) struct Candidate<L> {
    pub(super) process: L,
    pub(super) witness: Witness,
    pub(super) pipes: Vec<AbortOnDropHandle<()>>,
}

impl<L: Piped> Candidate<L> {
    /// Begins to read the process's stderr.
    pub(super) fn new(mut process: L, settings: &Settings) -> Self {
        let options = StderrOptions {
            name: process.name(),
            tail_lines: settings.config.stderr_tail_lines(),
            raw: settings.options.raw_stderr.as_ref().map(Sink::writer),
            live: settings.live.clone(),
        };
        let (tail, pipes) = match process.take_stderr() {
            Some(stderr) => {
                let (tail, task) = relay_stderr(stderr, options, process.over());
                (tail, vec![AbortOnDropHandle::new(task)])
            }
            None => (Tail::empty(), Vec::new()),
        };
        let witness = Witness::new(process.pid(), process.started(), tail);
        tracing::debug!(id = process.id(), name = process.name(), "plugin was started");
        Self { process, witness, pipes }
    }

    /// What the process prints, until its handshake line; `None` if its runner keeps it back.
    pub(super) fn lines(&mut self) -> Option<LineReader<L::Output>> {
        self.process.take_stdout().map(LineReader::new)
    }

    /// Goes on reading stdout for the rest of the process's life.
    pub(super) fn drain(&mut self, rest: LineReader<L::Output>) {
        let (stray, task) = drain_stdout(rest, self.process.name(), self.process.over());
        self.witness.watch_stdout(stray);
        self.pipes.push(AbortOnDropHandle::new(task));
    }
}

impl<L: Life> Candidate<L> {
    /// One whose output nobody needs to read.
    pub(super) fn without_pipes(process: L) -> Self {
        let witness = Witness::new(process.pid(), process.started(), Tail::empty());
        Self { process, witness, pipes: Vec::new() }
    }

    /// Runs one step of the start, unless the process ends first.
    pub(super) async fn alive<T>(
        &mut self,
        phase: Phase,
        step: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            done = step => done,
            status = self.process.ended() => Err(Failure::exited(phase, status)),
        }
    }

    /// Kills and reaps the process, unless it is left alone, and says in the error what is known about it; within
    /// [`GIVE_UP`], even if the system cannot end it.
    pub(super) async fn give_up(mut self, failure: Failure) -> Error {
        let Failure { phase, error, patience, may_be_its_end } = failure;
        let deadline = Instant::now() + GIVE_UP;
        // Most errors are the first sign of a process that is about to end.
        let status = timeout(patience, self.process.ended()).await.ok();
        if !self.process.stays() {
            self.process.kill();
            let _ = timeout_at(deadline - Tail::PATIENCE, self.process.ended()).await;
        }
        let mut report = self.witness.report(phase, status).await;
        self.process.conclude(&mut report);
        if let Ok(Some(words)) = timeout_at(deadline, self.process.diagnose()).await {
            report.stderr.push(rpcplugin_core::escape_text(&words));
        }
        let _ = timeout_at(deadline, self.process.finish()).await;
        match status {
            Some(status) if may_be_its_end => match phase {
                Phase::Spawn | Phase::Handshake => {
                    let (reason, hint) = self.witness.own_words();
                    let exited = HandshakeError::PluginExited { status, reason, hint };
                    Error::from(exited).with_report(report)
                }
                _ => TransportError::PluginGone { report: Some(Box::new(report)) }.into(),
            },
            _ => error.with_report(report),
        }
    }
}

/// Why a step of the start failed.
#[derive(Debug)]
pub(super) struct Failure {
    phase: Phase,
    error: Error,
    /// How long the process may take to end by itself.
    patience: Duration,
    /// Whether its end, if it comes meanwhile, is what went wrong.
    may_be_its_end: bool,
}

impl Failure {
    /// What the plugin said or showed is not acceptable, and that stands.
    pub(super) fn refused(phase: Phase, error: impl Into<Error>) -> Self {
        let patience = Duration::from_millis(20);
        Self { phase, error: error.into(), patience, may_be_its_end: false }
    }

    /// Something did not work, perhaps because the process is ending.
    pub(super) fn broken(phase: Phase, error: impl Into<Error>) -> Self {
        let patience = Duration::from_millis(250);
        Self { phase, error: error.into(), patience, may_be_its_end: true }
    }

    /// A time ran out while the process was alive.
    pub(super) fn late(phase: Phase, error: impl Into<Error>) -> Self {
        Self { phase, error: error.into(), patience: Duration::ZERO, may_be_its_end: false }
    }

    /// It closed its stdout without a handshake line, which only makes sense if it ends now.
    pub(super) fn silent() -> Self {
        let reason = "it closed its stdout without a handshake line, and was killed".to_owned();
        let (status, reason) = (ExitStatus::Unknown, Some(reason));
        let error = HandshakeError::PluginExited { status, reason, hint: None };
        let patience = Duration::from_millis(500);
        Self { phase: Phase::Handshake, error: error.into(), patience, may_be_its_end: true }
    }

    /// The process ended.
    fn exited(phase: Phase, status: ExitStatus) -> Self {
        Self::broken(phase, HandshakeError::PluginExited { status, reason: None, hint: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::Stoppable;

    /// A process that not even SIGKILL ends, as in a read from a disk that is gone.
    struct Stuck;

    impl Stoppable for Stuck {
        async fn ended(&mut self) -> ExitStatus {
            std::future::pending().await
        }

        fn terminate(&mut self) {}

        fn kill(&mut self) {}
    }

    impl Life for Stuck {
        fn name(&self) -> String {
            "stuck".to_owned()
        }

        fn pid(&self) -> u32 {
            1
        }

        fn started(&self) -> std::time::Instant {
            std::time::Instant::now()
        }

        fn try_ended(&mut self) -> Option<ExitStatus> {
            None
        }

        async fn finish(self) {
            tokio::time::sleep(rpcplugin_core::limits::REAP).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_fails_is_over_within_2_s_more_whatever_the_system_does() {
        let witness = Witness::new(1, std::time::Instant::now(), Tail::new(1));
        let candidate = Candidate { process: Stuck, witness, pipes: Vec::new() };
        let start = Instant::now();
        let error = candidate.give_up(Failure::silent()).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED");
        assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());
    }
}
