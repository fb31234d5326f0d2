//! What a process uses, against what it may use.

use std::time::Duration;

use rpcplugin_core::{CrashReport, ExitStatus, Peak, ReachedLimit};
use tokio::time::{Instant, sleep_until};

use crate::{Limits, Usage};

/// The book on one process.
#[derive(Debug)]
pub(super) struct Account {
    pid: u32,
    limits: Limits,
    /// The limit on memory that is left to us, because no cgroup enforces it.
    most_memory: Option<u64>,
    #[cfg(target_os = "linux")]
    cgroup: Option<super::confine::Readings>,
    peak: Peak,
    was_over: bool,
    next_look: Instant,
}

impl Account {
    pub(super) fn new(pid: u32, limits: Limits) -> Self {
        Self {
            pid,
            limits,
            most_memory: limits.memory,
            #[cfg(target_os = "linux")]
            cgroup: None,
            peak: Peak::default(),
            was_over: false,
            next_look: Instant::now() + OFTEN,
        }
    }

    /// Leaves to the cgroup what it enforces.
    #[cfg(target_os = "linux")]
    pub(super) fn cgroup(mut self, cgroup: Option<&super::confine::Cgroup>) -> Self {
        if cgroup.is_some_and(super::confine::Cgroup::controls_memory) {
            self.most_memory = None;
        }
        self.cgroup = cgroup.map(super::confine::Cgroup::readings);
        self
    }

    /// Returns when it is time to look.
    pub(super) async fn due(&self) {
        sleep_until(self.next_look).await;
    }

    /// Notes what the process uses, and tells whether that is more memory than it may.
    pub(super) fn look(&mut self) -> bool {
        let pause = if self.most_memory.is_some() { OFTEN } else { SELDOM };
        self.next_look = Instant::now() + pause;
        let Some(usage) = Usage::of(self.pid) else { return false };
        raise(&mut self.peak.memory, Usage::peak_memory(self.pid).unwrap_or(usage.memory));
        raise(&mut self.peak.descriptors, usage.descriptors);
        let Some(most) = self.most_memory else { return false };
        let memory = usage.memory.saturating_add(descendants(self.pid));
        raise(&mut self.peak.memory, memory);
        self.was_over |= memory > most;
        self.was_over
    }

    /// Adds to a report on the process, which must not have been reaped, what is known here.
    pub(super) fn conclude(&self, report: &mut CrashReport) {
        report.peak = self.peak;
        report.peak.cpu_time = Usage::cpu_time(self.pid);
        #[cfg(target_os = "linux")]
        if let Some(cgroup) = &self.cgroup {
            report.peak.memory = cgroup.peak_memory().or(report.peak.memory);
            report.peak.cpu_time = cgroup.cpu_time().or(report.peak.cpu_time);
        }
        report.limit = self.reached(report.status, report.peak.cpu_time).or(report.limit);
    }

    fn reached(&self, status: Option<ExitStatus>, used: Option<Duration>) -> Option<ReachedLimit> {
        /// The number of both on every system that has these limits, save Linux on MIPS.
        const SIGXCPU: i32 =
            if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 30 } else { 24 };
        const SIGXFSZ: i32 = SIGXCPU + 1;
        const SIGKILL: i32 = 9;
        #[cfg(target_os = "linux")]
        let by_kernel =
            self.cgroup.as_ref().is_some_and(super::confine::Readings::was_out_of_memory);
        #[cfg(not(target_os = "linux"))]
        let by_kernel = false;
        if self.was_over || by_kernel {
            return self.limits.memory.map(ReachedLimit::Memory);
        }
        let allowed = self.limits.cpu_seconds().map(Duration::from_secs);
        match status?.signal()? {
            SIGXCPU => allowed.map(ReachedLimit::CpuTime),
            SIGKILL if used >= allowed => allowed.map(ReachedLimit::CpuTime),
            SIGXFSZ => self.limits.file_size.map(ReachedLimit::FileSize),
            _ => None,
        }
    }
}

/// For a limit that must be kept.
const OFTEN: Duration = Duration::from_millis(500);
/// For the peaks alone.
const SELDOM: Duration = Duration::from_secs(5);

fn raise(peak: &mut Option<u64>, value: u64) {
    *peak = (*peak).max(Some(value));
}

/// The resident memory of all descendants, in bytes.
#[cfg(target_os = "linux")]
fn descendants(pid: u32) -> u64 {
    let family = super::child::descendants(pid);
    family.filter_map(Usage::memory).fold(0, u64::saturating_add)
}

#[cfg(not(target_os = "linux"))]
fn descendants(_: u32) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use rpcplugin_core::Phase;

    use super::*;

    fn report(limits: Limits, signal: i32) -> Option<ReachedLimit> {
        let mut report = CrashReport::new(Phase::Running);
        report.status = Some(ExitStatus::Signal { number: signal, core_dumped: false });
        Account::new(std::process::id(), limits).conclude(&mut report);
        report.limit
    }

    #[tokio::test]
    async fn a_signal_names_its_limit_only_if_there_is_one() {
        let cpu_time = Duration::from_secs(3600);
        let limits = Limits::new().cpu_time(cpu_time).file_size(7);
        assert_eq!(report(limits, 24), Some(ReachedLimit::CpuTime(cpu_time)));
        assert_eq!(report(limits, 25), Some(ReachedLimit::FileSize(7)));
        assert_eq!(report(limits, 9), None, "this process has used less");
        assert_eq!(report(Limits::new(), 24), None);
        assert_eq!(report(Limits::new(), 25), None);
        assert_eq!(report(Limits::new(), 9), None);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn more_memory_than_allowed_is_noticed_and_stays_known() {
        let mut account = Account::new(std::process::id(), Limits::new().memory(1));
        assert!(account.look());
        let mut report = CrashReport::new(Phase::Running);
        account.conclude(&mut report);
        assert_eq!(report.limit, Some(ReachedLimit::Memory(1)));
        assert!(report.peak.memory > Some(1) && report.peak.cpu_time.is_some());
        assert!(report.peak.descriptors > Some(2));
        let mut free = Account::new(std::process::id(), Limits::new());
        assert!(!free.look(), "without a limit nothing is too much");
    }
}
