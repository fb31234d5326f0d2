//! The steps by which a plugin is stopped: `docs/wire-format.md`, Shutdown.

use std::time::Duration;

use rpcplugin_core::{ExitStatus, limits};
use tokio::time::{sleep, timeout};

use crate::ShutdownOutcome;

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LadderLimits {
    /// From the request to stop until SIGTERM.
    pub(crate) grace: Duration,
    /// From SIGTERM until SIGKILL.
    pub(crate) terminate: Duration,
}

/// What the ladder does to a process: a real one, or one that a test makes up.
pub(crate) trait Stoppable {
    /// Waits for the end of the process. It may be dropped and asked again.
    fn ended(&mut self) -> impl Future<Output = ExitStatus> + Send;
    /// Sends SIGTERM to the process group.
    fn terminate(&mut self);
    /// Sends SIGKILL to the process group.
    fn kill(&mut self);
}

/// Asks the plugin to stop with `ask`, then climbs until it has ended or cannot be ended.
///
/// The whole is bounded by both limits and one second, whatever the plugin does. `hurry` is
/// another owner's wish to kill it at once.
pub(crate) async fn climb<S: Stoppable + Send>(
    plugin: &mut S,
    ask: impl Future<Output = ()> + Send,
    limits: LadderLimits,
    hurry: impl Future<Output = ()> + Send,
) -> (ShutdownOutcome, Option<ExitStatus>) {
    let patient = async {
        if let Some(status) = persuade(plugin, ask, limits.grace).await {
            return Some((ShutdownOutcome::Graceful, Some(status)));
        }
        tracing::debug!(grace = ?limits.grace, "plugin is still there after its grace period");
        plugin.terminate();
        let status = timeout(limits.terminate, plugin.ended()).await.ok()?;
        Some((ShutdownOutcome::Terminated, Some(status)))
    };
    let ended = tokio::select! {
        biased;
        ended = patient => ended,
        () = hurry => None,
    };
    match ended {
        Some(ended) => ended,
        None => kill(plugin).await,
    }
}

/// The last rung alone: for a start that failed, and a handle that was dropped.
pub(crate) async fn kill<S: Stoppable + Send>(
    plugin: &mut S,
) -> (ShutdownOutcome, Option<ExitStatus>) {
    plugin.kill();
    match timeout(limits::REAP, plugin.ended()).await {
        Ok(status) => (ShutdownOutcome::Killed, Some(status)),
        Err(_) => (ShutdownOutcome::Unkillable, None),
    }
}

/// Asks and waits for the end, both within `grace`.
///
/// What becomes of the request decides nothing: a Go plugin ends inside the call, so that its
/// answer never comes, and one without a controller still has its time.
async fn persuade<S: Stoppable + Send>(
    plugin: &mut S,
    ask: impl Future<Output = ()> + Send,
    grace: Duration,
) -> Option<ExitStatus> {
    tokio::pin!(ask);
    let out_of_grace = sleep(grace);
    tokio::pin!(out_of_grace);
    let mut asking = true;
    loop {
        tokio::select! {
            biased;
            status = plugin.ended() => return Some(status),
            () = &mut ask, if asking => asking = false,
            () = &mut out_of_grace => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::{sync::watch, time::Instant};

    use super::*;

    const LIMITS: LadderLimits =
        LadderLimits { grace: Duration::from_secs(2), terminate: Duration::from_secs(1) };

    /// A process that ends a while after it learns of something.
    struct Fake {
        ended: watch::Sender<Option<ExitStatus>>,
        on_terminate: Option<ExitStatus>,
        on_kill: Option<ExitStatus>,
        log: Vec<&'static str>,
    }

    impl Fake {
        fn new() -> Self {
            let (ended, _) = watch::channel(None);
            Self { ended, on_terminate: None, on_kill: Some(signal(9)), log: Vec::new() }
        }
    }

    impl Stoppable for Fake {
        async fn ended(&mut self) -> ExitStatus {
            let mut ended = self.ended.subscribe();
            let status = *ended.wait_for(Option::is_some).await.unwrap();
            status.unwrap()
        }

        fn terminate(&mut self) {
            self.log.push("TERM");
            if self.on_terminate.is_some() {
                self.ended.send_replace(self.on_terminate);
            }
        }

        fn kill(&mut self) {
            self.log.push("KILL");
            if self.on_kill.is_some() {
                self.ended.send_replace(self.on_kill);
            }
        }
    }

    fn signal(number: i32) -> ExitStatus {
        ExitStatus::Signal { number, core_dumped: false }
    }

    #[track_caller]
    fn took(start: Instant, seconds: u64) {
        assert_eq!(start.elapsed().as_millis(), u128::from(seconds) * 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_that_obeys_is_not_signalled() {
        let mut plugin = Fake::new();
        let ended = plugin.ended.clone();
        // As Go does: it ends, and the call never returns.
        let ask = async move {
            sleep(Duration::from_secs(1)).await;
            ended.send_replace(Some(ExitStatus::Code(0)));
            pending().await
        };
        let start = Instant::now();
        let outcome = climb(&mut plugin, ask, LIMITS, pending()).await;
        assert_eq!(outcome, (ShutdownOutcome::Graceful, Some(ExitStatus::Code(0))));
        assert!(plugin.log.is_empty());
        took(start, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_without_a_controller_is_terminated_at_the_end_of_its_grace() {
        let mut plugin = Fake { on_terminate: Some(signal(15)), ..Fake::new() };
        let start = Instant::now();
        let outcome = climb(&mut plugin, ready(()), LIMITS, pending()).await;
        assert_eq!(outcome, (ShutdownOutcome::Terminated, Some(signal(15))));
        assert_eq!(plugin.log, ["TERM"]);
        took(start, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_ignores_everything_is_killed_within_the_bound() {
        let mut plugin = Fake::new();
        let start = Instant::now();
        let outcome = climb(&mut plugin, pending(), LIMITS, pending()).await;
        assert_eq!(outcome, (ShutdownOutcome::Killed, Some(signal(9))));
        assert_eq!(plugin.log, ["TERM", "KILL"]);
        took(start, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_cannot_be_killed_is_given_up() {
        let mut plugin = Fake { on_kill: None, ..Fake::new() };
        let start = Instant::now();
        let outcome = climb(&mut plugin, pending(), LIMITS, pending()).await;
        assert_eq!(outcome, (ShutdownOutcome::Unkillable, None));
        took(start, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn another_owners_hurry_cuts_the_ladder_short() {
        let mut plugin = Fake::new();
        let start = Instant::now();
        let hurry = sleep(Duration::from_secs(1));
        let outcome = climb(&mut plugin, pending(), LIMITS, hurry).await;
        assert_eq!(outcome, (ShutdownOutcome::Killed, Some(signal(9))));
        assert_eq!(plugin.log, ["KILL"]);
        took(start, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_ended_already_takes_no_time() {
        let mut plugin = Fake::new();
        plugin.ended.send_replace(Some(ExitStatus::Code(3)));
        let start = Instant::now();
        let outcome = climb(&mut plugin, pending(), LIMITS, pending()).await;
        assert_eq!(outcome, (ShutdownOutcome::Graceful, Some(ExitStatus::Code(3))));
        took(start, 0);
    }
}
