//! What a plugin's host needs of whatever runs the plugin.

use std::time::Instant;

use rpcplugin_core::{CrashReport, ExitStatus};

use crate::{
    ladder::Stoppable,
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
    /// Gives back what the system still holds for it, within a bounded time.
    fn finish(self) -> impl Future<Output = ()> + Send;
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
