use std::{
    fs,
    path::{Path, PathBuf},
};

/// The largest amount of memory that a process held since the measurement began.
#[derive(Debug)]
pub struct PeakMemory {
    process: PathBuf,
    before: u64,
}

impl PeakMemory {
    /// Begins a measurement of this process.
    ///
    /// # Panics
    ///
    /// If the kernel does not let a process reset its own peak.
    #[must_use]
    pub fn start() -> Self {
        Self::of(std::process::id())
    }

    /// Begins a measurement of any process of this user.
    ///
    /// # Panics
    ///
    /// If there is none, or the kernel does not let its peak be reset.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let process = Path::new("/proc").join(pid.to_string());
        fs::write(process.join("clear_refs"), "5").expect("the peak of one's own may be reset");
        Self { before: kilobytes(&process, "VmRSS:"), process }
    }

    /// By how many bytes the process grew at most since then.
    #[must_use]
    pub fn growth(&self) -> u64 {
        kilobytes(&self.process, "VmHWM:").saturating_sub(self.before) * 1024
    }
}

/// A line of a process's `status`.
pub(crate) fn kilobytes(process: &Path, name: &str) -> u64 {
    let status = fs::read_to_string(process.join("status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux counts it");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}
