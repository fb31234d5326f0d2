use std::{
    io,
    process::Stdio,
    time::{Duration, Instant},
};

use rpcplugin::core::ExitStatus;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::{
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use super::{stream::Stream, target::Limits};

/// How long a killed process may take to be reaped.
const REAP: Duration = Duration::from_secs(1);

/// A process that is under test, with all of its group. Dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
    /// Whether the first process was the last one of its group when it was reaped.
    is_empty: bool,
    /// Closed when it is taken and dropped.
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
}

impl Process {
    /// Starts it in a group of its own, so that a terminal's Ctrl-C reaches this command alone.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let piped = || io::Error::other("a stream was not piped");
        Ok(Self {
            is_empty: false,
            group: child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())),
            stdin: child.stdin.take(),
            stdout: Stream::of(child.stdout.take().ok_or_else(piped)?),
            stderr: Stream::of(child.stderr.take().ok_or_else(piped)?),
            child,
        })
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.group.map(|pid| pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Sends a signal to the first process alone. One that has been reaped gets none.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.child.id().is_some()
            && let Some(pid) = self.group
        {
            // It may have ended just now.
            let _ = kill_process(pid, signal);
        }
    }

    /// Sends a signal to all of the group, as hosts do.
    pub(crate) fn signal_group(&self, signal: Signal) {
        if self.child.id().is_some()
            && let Some(group) = self.group
        {
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits for the first process to end by itself.
    pub(crate) async fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        let was_there = self.child.id().is_some();
        let status = timeout(limit, self.child.wait()).await.ok()?.ok()?;
        if was_there {
            self.is_empty = !self.has_members();
        }
        Some(ExitStatus::from(status))
    }

    /// How it ended, if it has: waits for that if its stdout is closed, and else for a moment.
    pub(crate) async fn outcome(&mut self, limits: &Limits) -> Option<ExitStatus> {
        let limit = if self.stdout.is_over() { limits.grace } else { limits.quiet };
        self.ended(limit).await
    }

    fn has_members(&self) -> bool {
        self.group.is_some_and(|group| test_kill_process_group(group).is_ok())
    }

    /// Whether processes of the group are left although the first has ended, after a moment.
    pub(crate) async fn has_leftovers(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while !self.is_empty && self.has_members() {
            if Instant::now() > deadline {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // As long as a process of the group lives, the group's number is its own. Once it was
        // empty, the number may be somebody else's.
        if let Some(group) = self.group
            && !self.is_empty
            && self.has_members()
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let deadline = Instant::now() + REAP;
        while let Ok(None) = self.child.try_wait()
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// An exit status in words that do not depend on the run.
pub(crate) fn ending(status: Option<ExitStatus>) -> String {
    match status {
        None => "still running".to_owned(),
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        },
    }
}
