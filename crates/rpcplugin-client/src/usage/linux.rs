use std::{fs, time::Duration};

use rpcplugin_transport::ProcessStat;

use super::Usage;

impl Usage {
    /// Asks the system; `None` if it does not tell. The caller knows that the process is its own.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let (cpu_time, memory) = stat(pid)?;
        Some(Self { memory, cpu_time, descriptors: Self::descriptors(pid)? })
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(pid: u32) -> Option<u64> {
        Some(stat(pid)?.1)
    }

    /// Open descriptors.
    pub(crate) fn descriptors(pid: u32) -> Option<u64> {
        count_descriptors(pid)
    }

    /// The most resident memory that the program has had, in bytes.
    pub(crate) fn peak_memory(pid: u32) -> Option<u64> {
        let status = fs::read(format!("/proc/{pid}/status")).ok()?;
        // The program's name stands in it, and may be no text.
        let line = String::from_utf8_lossy(&status);
        let line = line.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    }

    /// Time on processors, also of a process that has ended and was not reaped.
    pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
        Some(stat(pid)?.0)
    }
}

/// Processor time and memory.
fn stat(pid: u32) -> Option<(Duration, u64)> {
    let stat = ProcessStat::of(pid)?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    let millis = stat.cpu_ticks.checked_mul(1000)?.checked_div(ticks_per_second)?;
    let memory = stat.resident_pages.checked_mul(rustix::param::page_size() as u64)?;
    Some((Duration::from_millis(millis), memory))
}

/// Open descriptors. Since Linux 6.2 the directory's size tells; before they must be counted, and
/// a plugin that opened a million must not keep its host busy.
fn count_descriptors(pid: u32) -> Option<u64> {
    const MOST: usize = 65_536;
    let directory = format!("/proc/{pid}/fd");
    match fs::metadata(&directory).ok()?.len() {
        0 => Some(fs::read_dir(&directory).ok()?.take(MOST).count() as u64),
        count => Some(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let pid = std::process::id();
        let usage = Usage::of(pid).unwrap();
        assert!(usage.memory > 0 && usage.descriptors > 2);
        assert!(Usage::peak_memory(pid).unwrap() > 0);
    }
}
