use std::{fs, time::Duration};

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
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    }

    /// Time on processors, also of a process that has ended and was not reaped.
    pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
        Some(stat(pid)?.0)
    }
}

/// Processor time and memory.
fn stat(pid: u32) -> Option<(Duration, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    read_stat(&stat, ticks_per_second, rustix::param::page_size() as u64)
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

/// Processor time and memory from a line of `/proc/PID/stat`.
fn read_stat(stat: &str, ticks_per_second: u64, page: u64) -> Option<(Duration, u64)> {
    // The second field is the program's name, which may hold spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Counted from the third field, which is the first of these: utime, stime, rss.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = number(14)?.checked_add(number(15)?)?;
    let millis = ticks.checked_mul(1000)?.checked_div(ticks_per_second)?;
    Some((Duration::from_millis(millis), number(24)?.checked_mul(page)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_shift_the_fields() {
        let stat = "7 (a) R 1 (b) S 1 7 7 0 -1 4194560 96 0 0 0 150 50 0 0 20 0 1 0 9 8192 3 184";
        assert_eq!(read_stat(stat, 100, 4096), Some((Duration::from_secs(2), 3 * 4096)));
        assert_eq!(read_stat("7 (a) R 1", 100, 4096), None);
    }

    #[test]
    fn this_process_uses_something() {
        let pid = std::process::id();
        let usage = Usage::of(pid).unwrap();
        assert!(usage.memory > 0 && usage.descriptors > 2);
        assert!(Usage::peak_memory(pid).unwrap() > 0);
    }
}
