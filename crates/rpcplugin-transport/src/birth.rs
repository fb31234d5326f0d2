/// When a process began: what tells apart processes that had the same number one after the other.
///
/// Only Linux tells.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::Birth;
///
/// let ours = Birth::of(std::process::id());
/// assert_eq!(ours, Birth::of(std::process::id()));
/// # #[cfg(target_os = "linux")]
/// assert!(ours.is_some());
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Birth {
    /// Clock ticks from the start of the system.
    pub start_time: u64,
    /// Which start of the system that was.
    pub boot_id: String,
}

impl Birth {
    /// That of a process which runs; `None` if there is none, or the system does not tell.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        #[cfg(target_os = "linux")]
        {
            let start_time = crate::ProcessStat::of(pid)?.start_time;
            let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            Some(Self { start_time, boot_id: boot_id.trim().to_owned() })
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = pid;
            None
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_later_process_has_a_later_birth() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let (ours, later) = (Birth::of(std::process::id()), Birth::of(child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
        let (ours, later) = (ours.unwrap(), later.unwrap());
        assert!(later.start_time >= ours.start_time);
        assert_eq!(later.boot_id, ours.boot_id);
        assert_eq!(Birth::of(child.id()), None);
    }
}
