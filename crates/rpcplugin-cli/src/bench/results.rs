use std::time::Duration;

use super::{
    load::Load,
    stats::{Calls, Times},
};

/// All that was measured.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) programs: Vec<Program>,
    pub(super) load: Load,
    pub(super) interrupted: bool,
}

/// What was measured of one plugin.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) starts: Option<Starts>,
    pub(super) calls: Option<Called>,
    /// Why the plugin ended before it was asked to.
    pub(super) ended: Option<String>,
}

/// The plugin's starts and stops.
#[derive(Clone, Debug)]
pub(super) struct Starts {
    pub(super) start: Times,
    /// From the start of the process to its handshake line, which is the plugin's own share.
    pub(super) handshake: Times,
    pub(super) stop: Times,
    /// Resident memory after a start, in bytes; that of the latest.
    pub(super) memory: Option<u64>,
}

/// The calls of one plugin.
#[derive(Clone, Debug)]
pub(super) struct Called {
    pub(super) calls: Calls,
    pub(super) elapsed: Duration,
    /// The method's full name; none for health.
    pub(super) method: Option<String>,
    /// Whether replies are a stream.
    pub(super) streams: bool,
    /// Resident memory at the end, in bytes.
    pub(super) memory: Option<u64>,
    /// The plugin's time on processors while it was called.
    pub(super) processor: Option<Duration>,
}

impl Results {
    /// Whether every call was answered.
    pub(super) fn is_complete(&self) -> bool {
        self.programs.iter().all(|program| {
            program.ended.is_none()
                && program.calls.as_ref().is_none_or(|called| called.calls.failures() == 0)
        })
    }
}

impl Results {
    /// What was called, for people.
    pub(super) fn method(&self) -> &str {
        let mut called = self.programs.iter().filter_map(|program| program.calls.as_ref());
        called.find_map(|called| called.method.as_deref()).unwrap_or("health")
    }
}

impl Program {
    pub(super) const fn new(name: String) -> Self {
        Self { name, starts: None, calls: None, ended: None }
    }
}

impl Called {
    pub(super) fn per_second(&self) -> f64 {
        rate(self.calls.latency.count(), self.elapsed)
    }

    pub(super) fn replies_per_second(&self) -> f64 {
        rate(self.calls.replies, self.elapsed)
    }

    /// The plugin's time on processors for each call.
    pub(super) fn processor_per_call(&self) -> Option<Duration> {
        let calls = u32::try_from(self.calls.count()).ok().filter(|calls| *calls > 0)?;
        Some(self.processor? / calls)
    }
}

fn rate(count: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
