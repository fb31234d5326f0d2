//! What a process uses, against what it may use.

use std::time::Duration;

use rpcplugin_core::{CrashReport, ExitStatus, Peak, ReachedLimit};
use tokio::time::{Instant, sleep_until};

use crate::{Limits, Usage};

/// The book on one process.
#[derive(Debug)]
pub(crate) struct Account {
    pid: u32,
    limits: Limits,
    /// The limit on memory that is left to us, because no cgroup enforces it.
    most_memory: Option<u64>,
    #[cfg(target_os = "linux")]
    cgroup: Option<super::confine::Readings>,
    peak: Peak,
    was_over: bool,
    /// Since when process and descendants together seem to be over, and the process alone is not.
    suspect: Option<Instant>,
    next_look: Instant,
}

impl Account {
    pub(crate) fn new(pid: u32, limits: Limits) -> Self {
        Self {
            pid,
            limits,
            most_memory: limits.memory,
            #[cfg(target_os = "linux")]
            cgroup: None,
            peak: Peak::default(),
            was_over: false,
            suspect: None,
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
    pub(crate) async fn due(&self) {
        sleep_until(self.next_look).await;
    }

    /// Notes what the process uses, and tells whether that is more memory than it may. In passing:
    /// of many descendants only some are counted.
    pub(super) fn look(&mut self) -> bool {
        let reading = Reading::of(self.pid, self.most_memory.map(|_| Depth::Brief));
        self.take(&reading)
    }

    /// The same with all descendants, without holding up the runtime's thread.
    pub(super) async fn watch(&mut self) -> bool {
        let pid = self.pid;
        let reading = match self.most_memory {
            None => Reading::of(pid, None),
            // It fails if the runtime ends, and then this ends, too.
            Some(_) => tokio::task::spawn_blocking(move || Reading::of(pid, Some(Depth::Whole)))
                .await
                .unwrap_or_default(),
        };
        self.take(&reading)
    }

    /// Notes what the process uses, if it turns out to be still the same after it was asked.
    pub(crate) fn look_if(&mut self, is_same: impl FnOnce() -> bool) {
        let reading =
            Reading { cpu_time: Usage::cpu_time(self.pid), ..Reading::of(self.pid, None) };
        if is_same() {
            self.peak.cpu_time = self.peak.cpu_time.max(reading.cpu_time);
            self.take(&reading);
        }
    }

    /// Adds to a report what was noted. The process may be long gone.
    pub(crate) fn recall(&self, report: &mut CrashReport) {
        report.peak = self.peak;
    }

    fn take(&mut self, reading: &Reading) -> bool {
        let pause = if self.most_memory.is_some() { OFTEN } else { SELDOM };
        self.next_look = Instant::now() + pause;
        let Reading { own, peak, family, descriptors, .. } = *reading;
        self.note(own, peak, family, descriptors)
    }

    /// Whether this is too much. Each value counts, whether or not others could be read.
    fn note(
        &mut self,
        own: Option<u64>,
        peak: Option<u64>,
        family: u64,
        descriptors: Option<u64>,
    ) -> bool {
        self.peak.memory = self.peak.memory.max(peak.or(own));
        self.peak.descriptors = self.peak.descriptors.max(descriptors);
        let (Some(own), Some(most)) = (own, self.most_memory) else { return false };
        let memory = own.saturating_add(family);
        if own <= most && memory > most {
            let now = Instant::now();
            let again = *self.suspect.get_or_insert(now) + AGAIN;
            if now < again {
                self.next_look = self.next_look.min(again);
                return self.was_over;
            }
        } else {
            self.suspect = None;
        }
        self.peak.memory = self.peak.memory.max(Some(memory));
        self.was_over |= memory > most;
        self.was_over
    }

    /// Adds to a report on the process, which must not have been reaped, what is known here.
    pub(super) fn conclude(&self, report: &mut CrashReport) {
        report.peak = self.peak;
        let own_time = Usage::cpu_time(self.pid);
        report.peak.cpu_time = own_time;
        #[cfg(target_os = "linux")]
        if let Some(cgroup) = &self.cgroup {
            report.peak.memory = cgroup.peak_memory().or(report.peak.memory);
            report.peak.cpu_time = cgroup.cpu_time().or(report.peak.cpu_time);
        }
        // The system counts each process for itself.
        report.limit = self.reached(report.status, own_time).or(report.limit);
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
/// After a look at which only the sum was too much: a child that the process has just forked shows
/// the whole memory of its parent until it runs a program of its own.
const AGAIN: Duration = Duration::from_millis(20);

/// What a process uses at one moment, as far as the system tells.
#[derive(Debug, Default)]
struct Reading {
    own: Option<u64>,
    peak: Option<u64>,
    /// The resident memory of its descendants, in bytes.
    family: u64,
    descriptors: Option<u64>,
    /// Only of a process that cannot be asked at its end.
    cpu_time: Option<Duration>,
}

/// How many descendants are counted.
#[derive(Clone, Copy, Debug)]
enum Depth {
    Brief,
    Whole,
}

impl Reading {
    fn of(pid: u32, depth: Option<Depth>) -> Self {
        Self {
            own: Usage::memory(pid),
            peak: Usage::peak_memory(pid),
            family: depth.map_or(0, |depth| family_memory(pid, depth)),
            descriptors: Usage::descriptors(pid),
            cpu_time: None,
        }
    }
}

#[cfg(target_os = "linux")]
fn family_memory(pid: u32, depth: Depth) -> u64 {
    use super::child::{Budget, Family};
    let budget = match depth {
        Depth::Brief => Budget::BRIEF,
        Depth::Whole => Budget::WHOLE,
    };
    Family::of(pid, budget).memory()
}

#[cfg(not(target_os = "linux"))]
fn family_memory(_: u32, _: Depth) -> u64 {
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

    #[tokio::test(start_paused = true)]
    async fn a_child_that_still_shows_its_parents_memory_is_no_excess() {
        let mut account = Account::new(std::process::id(), Limits::new().memory(50));
        let mut look = |family| account.note(Some(40), Some(40), family, None);
        assert!(!look(40), "the child has just been forked");
        assert!(!look(40), "another look at the same moment tells nothing more");
        assert!(!look(5), "it runs its own program");
        tokio::time::advance(AGAIN).await;
        assert!(!look(11), "that is another child");
        tokio::time::advance(AGAIN).await;
        assert!(look(11), "it keeps what it has");
        assert_eq!(account.peak.memory, Some(51), "what was not there twice does not count");
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspicion_is_looked_into_soon() {
        let mut account = Account::new(std::process::id(), Limits::new().memory(50));
        assert!(!account.note(Some(40), None, 40, None));
        assert_eq!(account.next_look, Instant::now() + AGAIN);
    }

    #[tokio::test]
    async fn memory_is_limited_although_descriptors_cannot_be_counted() {
        let mut account = Account::new(std::process::id(), Limits::new().memory(50));
        assert!(account.note(Some(51), None, 0, None));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_child_that_used_the_processor_is_not_the_process() {
        let made = tempfile::tempdir().unwrap();
        let hours = Duration::from_secs(7200);
        std::fs::write(made.path().join("cpu.stat"), format!("usage_usec {}\n", hours.as_micros()))
            .unwrap();
        let limits = Limits::new().cpu_time(Duration::from_secs(3600));
        let mut account = Account::new(std::process::id(), limits);
        account.cgroup = Some(super::super::confine::Readings { path: made.path().to_owned() });
        let mut report = CrashReport::new(Phase::Running);
        report.status = Some(ExitStatus::Signal { number: 9, core_dumped: false });
        account.conclude(&mut report);
        assert_eq!((report.limit, report.peak.cpu_time), (None, Some(hours)));
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
