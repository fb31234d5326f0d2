use std::time::Duration;

/// What a plugin's process uses at this moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Resident memory in bytes.
    pub memory: u64,
    /// Time on processors so far, of its own code and in the system.
    pub cpu_time: Duration,
    /// Open descriptors.
    pub descriptors: u64,
}

#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
impl Usage {
    pub(crate) fn of(_: u32) -> Option<Self> {
        None
    }

    pub(crate) fn memory(_: u32) -> Option<u64> {
        None
    }

    pub(crate) fn descriptors(_: u32) -> Option<u64> {
        None
    }

    pub(crate) fn peak_memory(_: u32) -> Option<u64> {
        None
    }

    pub(crate) fn cpu_time(_: u32) -> Option<Duration> {
        None
    }
}
