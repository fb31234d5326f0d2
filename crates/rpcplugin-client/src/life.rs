//! What a plugin's host needs of whatever runs the plugin.

use std::{sync::Arc, time::Instant};

use rpcplugin_core::{CrashReport, ExitStatus};
use tokio::process::ChildStdin;
use tokio_util::sync::CancellationToken;

use crate::{
    AddressMap,
    ladder::Stoppable,
    output::{Pipe, ProcessPipe},
    process::{Process, Signal},
};

/// The life behind a plugin: a process, or what stands for one.
///
/// One task owns it, and dropping it ends it. Everything else about a plugin (its connection, its
/// calls, its output, how it is stopped) knows no more of it than this.
pub(crate) trait Life: Stoppable + Send + 'static {
    /// The name under which its log appears.
    fn name(&self) -> String;
    /// The process's id.
    fn pid(&self) -> u32;
    /// When it began.
    fn started(&self) -> Instant;
    /// How it ended, if it has.
    fn try_ended(&mut self) -> Option<ExitStatus>;
    /// Notes what it uses now, for its report.
    fn look(&mut self) {}
    /// Adds to a report on it what the system tells of its use. Before it is finished.
    fn conclude(&self, _: &mut CrashReport) {}
    /// What its runner has to say of a start that failed.
    fn diagnose(&mut self) -> impl Future<Output = Option<String>> + Send {
        std::future::ready(None)
    }
    /// Whether it goes on when this host lets go of it: then it is never asked to stop, and
    /// signals have no effect.
    fn stays(&self) -> bool {
        false
    }
    /// Whether it is a process of this machine that others can reach.
    fn is_process(&self) -> bool {
        true
    }
    /// Gives back what the system still holds for it, within a bounded time.
    fn finish(self) -> impl Future<Output = ()> + Send;
}

/// A life with pipes, from which a start reads who it is.
pub(crate) trait Piped: Life {
    /// The reading end of its standard output and error.
    type Output: Pipe;

    /// What it is called in logs.
    fn id(&self) -> String;
    /// The process to which, or to whose descendant, the announced listener must belong.
    fn owner(&self) -> Option<u32>;
    /// The write end of its standard input, once, if that is for the application.
    fn take_stdin(&mut self) -> Option<ChildStdin>;
    /// Its standard output, once.
    fn take_stdout(&mut self) -> Option<Self::Output>;
    /// Its standard error, once.
    fn take_stderr(&mut self) -> Option<Self::Output>;
    /// Cancelled when its end is noticed, or nobody owns it any longer.
    fn over(&self) -> CancellationToken;
    /// Between this host's addresses and its own, if they differ.
    fn addresses(&self) -> Option<Arc<dyn AddressMap>> {
        None
    }
}

impl Piped for Process {
    type Output = ProcessPipe;

    fn id(&self) -> String {
        self.pid().to_string()
    }

    fn owner(&self) -> Option<u32> {
        Some(self.pid())
    }

    fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.take_stdin()
    }

    fn take_stdout(&mut self) -> Option<ProcessPipe> {
        self.take_stdout().map(ProcessPipe::Stdout)
    }

    fn take_stderr(&mut self) -> Option<ProcessPipe> {
        self.take_stderr().map(ProcessPipe::Stderr)
    }

    fn over(&self) -> CancellationToken {
        self.ended()
    }
}

impl Life for Process {
    fn name(&self) -> String {
        self.name()
    }

    fn pid(&self) -> u32 {
        self.pid()
    }

    fn started(&self) -> Instant {
        self.started()
    }

    fn try_ended(&mut self) -> Option<ExitStatus> {
        self.try_exit()
    }

    fn look(&mut self) {
        self.look();
    }

    fn conclude(&self, report: &mut CrashReport) {
        self.conclude(report);
    }

    async fn finish(self) {
        self.finish().await;
    }
}

impl Stoppable for Process {
    async fn ended(&mut self) -> ExitStatus {
        self.wait().await
    }

    fn terminate(&mut self) {
        self.signal_group(Signal::Terminate);
    }

    fn kill(&mut self) {
        self.signal_group(Signal::Kill);
    }
}
