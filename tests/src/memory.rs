use std::fs;

/// The largest amount of memory that this process held since the measurement began.
#[derive(Debug)]
pub struct PeakMemory {
    before: u64,
}

impl PeakMemory {
    /// Begins a measurement.
    ///
    /// # Panics
    ///
    /// If the kernel does not let a process reset its own peak.
    #[must_use]
    pub fn start() -> Self {
        fs::write("/proc/self/clear_refs", "5").expect("a process may reset its own peak");
        Self { before: kilobytes("VmRSS:") }
    }

    /// By how many bytes the process grew at most since then.
    #[must_use]
    pub fn growth(&self) -> u64 {
        kilobytes("VmHWM:").saturating_sub(self.before) * 1024
    }
}

fn kilobytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux counts it");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}
