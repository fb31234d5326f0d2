//! The one task that owns a running plugin's process, or what stands for one.
//!
//! **Invariant:** only this task waits for the process or signals it. Handles say what they want
//! and read what became of it. When the task ends, by itself or with its runtime, nothing of the
//! plugin is left: process, directory, tasks, open calls.

use std::{sync::Arc, time::Duration};

use rpcplugin_broker::Broker;
use rpcplugin_core::{CrashReport, ExitStatus, Phase, ReachedLimit, limits};
use rpcplugin_proto::plugin::{Empty, grpc_controller_client::GrpcControllerClient};
use rpcplugin_transport::{EndReason, Generation, PluginChannel};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    ShutdownOutcome, ShutdownReport, State,
    ladder::{self, LadderLimits},
    life::Life,
    live::Live,
    report::Witness,
    stdio::Buffer,
};

/// What the owners of a plugin want of it; a later one wins.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Want {
    Running,
    Stopped,
    Killed,
}

/// How a plugin came to its end.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) report: Arc<CrashReport>,
    pub(crate) stopped: ShutdownReport,
    /// Whether nobody had asked for it.
    pub(crate) by_itself: bool,
}

/// A running plugin, with all that must end when it does.
pub(crate) struct Supervisor<L> {
    pub(crate) life: L,
    pub(crate) witness: Witness,
    pub(crate) channel: PluginChannel,
    pub(crate) generation: Generation,
    pub(crate) broker: Broker,
    pub(crate) stdio: Arc<Buffer>,
    /// They read stdout and stderr, and end by themselves once the process has ended.
    pub(crate) pipes: Vec<AbortOnDropHandle<()>>,
    /// It reads the stdio service, and ends with the connection.
    pub(crate) streams: JoinSet<()>,
    /// They hand on what came over the stdio service, and end when all of it is.
    pub(crate) printing: JoinSet<()>,
    /// They look after a running plugin, and have nothing to finish.
    pub(crate) probes: JoinSet<()>,
    /// How patiently it is stopped.
    pub(crate) live: Arc<Live>,
    /// How long the plugin may live after its start; zero: for ever.
    pub(crate) max_lifetime: Duration,
    pub(crate) want: watch::Receiver<Want>,
    pub(crate) states: watch::Sender<State>,
    pub(crate) end: watch::Sender<Option<End>>,
}

impl<L: Life> Supervisor<L> {
    /// Runs until the plugin has ended and nothing of it is left.
    pub(crate) async fn run(mut self) {
        // Also when the runtime ends and this task is dropped with it.
        let _cut_loose =
            CutLoose { generation: self.generation.clone(), stdio: self.stdio.clone() };
        let mut too_old = false;
        // Nothing would end one that goes on without this host: it would only be lost.
        let lifetime = if self.life.stays() { Duration::ZERO } else { self.max_lifetime };
        let old_age = old_age(self.life.started(), lifetime);
        let wanted = tokio::select! {
            biased;
            _ = self.life.ended() => None,
            wanted = next_want(&mut self.want) => Some(wanted),
            () = old_age => {
                too_old = true;
                Some(Want::Stopped)
            }
        };
        let by_itself = wanted.is_none() || too_old;
        let asked = Instant::now();
        self.life.look();
        if wanted.is_some() {
            self.generation.close();
        }
        self.states.send_replace(State::Stopping);
        self.probes.abort_all();
        let (outcome, status) = match wanted {
            None => (ShutdownOutcome::Graceful, self.life.try_ended()),
            Some(_) if self.life.stays() => (ShutdownOutcome::Left, None),
            Some(Want::Stopped) => self.stop().await,
            Some(_) => ladder::kill(&mut self.life).await,
        };
        // What is left of the group would keep pipes and connection open.
        self.life.kill();
        let limit = too_old.then_some(ReachedLimit::Lifetime(self.max_lifetime));
        let closing = Closing::begin();
        let report = self.clear_up(&closing, by_itself, status, limit).await;
        let Self { life, states, end, .. } = self;
        if status.is_some() {
            // What a runner, or a slow file system, does there may take for ever.
            closing.last(life.finish()).await;
        } else {
            // A thread goes on waiting for it; this task has waited enough.
            drop(life);
        }
        let took = if wanted.is_some() { asked.elapsed() } else { Duration::ZERO };
        let stopped = ShutdownReport { outcome, status, took };
        tracing::debug!(%stopped, by_itself, "plugin has ended");
        end.send_replace(Some(End { report, stopped, by_itself }));
        states.send_replace(State::Ended);
    }

    async fn stop(&mut self) -> (ShutdownOutcome, Option<ExitStatus>) {
        let limits = LadderLimits { grace: self.live.grace(), terminate: self.live.terminate() };
        let ask = ask_to_stop(self.channel.clone(), limits.grace);
        let hurry = async {
            // The error means that no handle is left, and that is a wish to kill, too.
            let _ = self.want.wait_for(|want| *want == Want::Killed).await;
        };
        ladder::climb(&mut self.life, ask, limits, hurry).await
    }

    /// Ends everything that belongs to the process, which has ended or was given up. Reads what
    /// is still on its way, each step for a bounded time: a descendant may hold pipes open.
    async fn clear_up(
        &mut self,
        closing: &Closing,
        by_itself: bool,
        status: Option<ExitStatus>,
        limit: Option<ReachedLimit>,
    ) -> Arc<CrashReport> {
        let phase = if by_itself { Phase::Running } else { Phase::Shutdown };
        let mut report = self.witness.report(phase, status).await;
        report.limit = limit;
        self.life.conclude(&mut report);
        let report = Arc::new(report);
        // The calls in flight end only now, so that each has the last words in its report.
        self.generation.end(if by_itself {
            EndReason::Gone(report.clone())
        } else {
            EndReason::ShutDown
        });
        // Side channels end with the generation, and their sockets before anything is reported.
        closing.step(self.broker.finished()).await;
        closing.step(finish_all(&mut self.streams)).await;
        self.streams.abort_all();
        self.stdio.close();
        closing.step(finish_all(&mut self.printing)).await;
        self.printing.abort_all();
        let pipes = std::mem::take(&mut self.pipes);
        closing.step(futures_util::future::join_all(pipes)).await;
        report
    }
}

/// The time in which everything of a plugin that has ended, or was given up, is cleared up. With
/// the second for the kill before it, these are the two of [`Client::shutdown`].
///
/// [`Client::shutdown`]: crate::Client::shutdown
struct Closing {
    since: Instant,
}

impl Closing {
    /// For the last words and all steps together.
    const STEPS: Duration = Duration::from_millis(700);
    /// For the whole. The rest of the second is the moment that a process which is let go of is
    /// waited for.
    const WHOLE: Duration = Duration::from_millis(950);

    fn begin() -> Self {
        Self { since: Instant::now() }
    }

    /// Gives one of the steps its time.
    async fn step<T>(&self, step: impl Future<Output = T>) {
        let deadline = (self.since + Self::STEPS).min(Instant::now() + limits::PIPE_DRAIN);
        let _ = timeout_at(deadline, step).await;
    }

    /// Gives the last of them what is left.
    async fn last(&self, step: impl Future<Output = ()>) {
        let _ = timeout_at(self.since + Self::WHOLE, step).await;
    }
}

/// Asks the plugin's controller. That there is none, or that the plugin ends inside the call, is
/// as good an answer as any.
async fn ask_to_stop(channel: PluginChannel, grace: Duration) {
    let mut request = tonic::Request::new(Empty {});
    request.set_timeout(grace);
    match GrpcControllerClient::new(channel.privileged()).shutdown(request).await {
        Ok(_) => tracing::debug!("plugin was asked to stop"),
        Err(status) => tracing::debug!(code = ?status.code(), "plugin was asked to stop"),
    }
}

/// The first wish other than to let it run; a plugin without a handle is to be killed.
async fn next_want(want: &mut watch::Receiver<Want>) -> Want {
    match want.wait_for(|want| *want > Want::Running).await {
        Ok(want) => *want,
        Err(_) => Want::Killed,
    }
}

/// Returns when a plugin that started then has lived for `limit`, unless that is zero.
async fn old_age(started: std::time::Instant, limit: Duration) {
    if limit.is_zero() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(limit.saturating_sub(started.elapsed())).await;
}

async fn finish_all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// Ends calls and readers, whatever happens to the task.
struct CutLoose {
    generation: Generation,
    stdio: Arc<Buffer>,
}

impl Drop for CutLoose {
    fn drop(&mut self) {
        // Without effect if a reason was given before.
        self.generation.end(EndReason::ShutDown);
        self.stdio.close();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::output::Tail;

    #[tokio::test(start_paused = true)]
    async fn all_that_hangs_together_takes_less_than_a_second() {
        let start = Instant::now();
        let closing = Closing::begin();
        // The last words have a time of their own, and are the first of all.
        Tail::new(1).last_words().await;
        for _ in 0..4 {
            closing.step(pending::<()>()).await;
        }
        assert_eq!(start.elapsed(), Closing::STEPS);
        closing.last(pending()).await;
        assert_eq!(start.elapsed(), Closing::WHOLE);
    }

    #[tokio::test(start_paused = true)]
    async fn one_step_that_hangs_leaves_time_for_the_others() {
        let start = Instant::now();
        let closing = Closing::begin();
        closing.step(pending::<()>()).await;
        assert_eq!(start.elapsed(), limits::PIPE_DRAIN);
        closing.step(std::future::ready(())).await;
        assert_eq!(start.elapsed(), limits::PIPE_DRAIN);
    }
}
