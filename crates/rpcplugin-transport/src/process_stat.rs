/// What the system tells of a process in `/proc/PID/stat`, all of it at one moment.
///
/// Only Linux has the file.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::ProcessStat;
///
/// let ours = ProcessStat::of(std::process::id());
/// # #[cfg(target_os = "linux")]
/// assert!(ours.is_some_and(|stat| !stat.ended && stat.resident_pages > 0));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ProcessStat {
    /// Whether it has ended, and was not reaped yet.
    pub ended: bool,
    /// The parent's number; 0 if that is out of sight.
    pub parent: u32,
    /// The number of its process group; 0 if that is out of sight.
    pub group: u32,
    /// Clock ticks on processors so far, of its own code and in the system.
    pub cpu_ticks: u64,
    /// Clock ticks from the start of the system to that of the process.
    pub start_time: u64,
    /// Resident memory in pages.
    pub resident_pages: u64,
}

impl ProcessStat {
    /// That of a process; `None` if there is none, or the system does not tell.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        Self::read(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    fn read(stat: &[u8]) -> Option<Self> {
        // The second field is the program's name, which may hold any byte, parentheses too.
        let end = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // By the numbers of the manual, in which the first of these is the third.
        let field = |number: usize| fields.get(number - 3).copied();
        let number = |number: usize| field(number)?.parse::<u64>().ok();
        // The group of a process that is being reaped is -1.
        let id = |number: usize| field(number)?.parse::<i32>().ok().map(i32::cast_unsigned);
        Some(Self {
            ended: matches!(field(3)?, "Z" | "X"),
            parent: id(4)?,
            group: id(5)?,
            cpu_ticks: number(14)?.checked_add(number(15)?)?,
            start_time: number(22)?,
            resident_pages: number(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_shift_the_fields() {
        let stat =
            b"7 (a) R 1 (\xff) S 5 6 7 0 -1 4194560 96 0 0 0 150 50 0 0 20 0 1 0 4711 8192 3 9";
        let expected = ProcessStat {
            ended: false,
            parent: 5,
            group: 6,
            cpu_ticks: 200,
            start_time: 4711,
            resident_pages: 3,
        };
        assert_eq!(ProcessStat::read(stat), Some(expected));
        let ended = String::from_utf8_lossy(stat).replace(" S ", " Z ");
        assert!(ProcessStat::read(ended.as_bytes()).unwrap().ended);
        for text in ["", "7", "7 (a", "7 (a) R 1 (b) S 5 6", ")"] {
            assert_eq!(ProcessStat::read(text.as_bytes()), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_is_told_with_its_parent() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let stat = ProcessStat::of(child.id()).unwrap();
        assert_eq!(stat.parent, std::process::id());
        assert!(!stat.ended);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(ProcessStat::of(child.id()), None);
    }
}
