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

impl Usage {
    /// Asks the system; `None` if it does not tell. The caller knows that the process is its own.
    #[cfg(target_os = "linux")]
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (cpu_time, memory) = read_stat(
            &stat,
            rustix::param::clock_ticks_per_second(),
            rustix::param::page_size() as u64,
        )?;
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        Some(Self { memory, cpu_time, descriptors })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of(_: u32) -> Option<Self> {
        None
    }
}

/// Processor time and memory from a line of `/proc/PID/stat`.
#[cfg(target_os = "linux")]
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

#[cfg(all(test, target_os = "linux"))]
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
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.memory > 0 && usage.descriptors > 2);
    }
}
