use std::time::Duration;

use rpcplugin_core::ConfigError;

/// What a plugin may use. Nothing is limited by default, and 0 lifts a limit again.
///
/// The system enforces them: see `docs/guide/isolation.md` for how, and for what each needs. A
/// limit that cannot be enforced here fails the start with `SECURITY_ISOLATION_FAILED`. A lower
/// limit that the host itself is under stays in force.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpcplugin_client::Limits;
///
/// let limits = Limits::new()
///     .memory(256 * 1024 * 1024)
///     .cpu_time(Duration::from_secs(60))
///     .open_files(256);
/// assert_ne!(limits, Limits::new());
/// assert_eq!(limits.memory(0).cpu_time(Duration::ZERO).open_files(0), Limits::new());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Limits {
    pub(crate) memory: Option<u64>,
    pub(crate) cpu_time: Option<Duration>,
    pub(crate) open_files: Option<u64>,
    pub(crate) processes: Option<u64>,
    pub(crate) file_size: Option<u64>,
    pub(crate) address_space: Option<u64>,
}

impl Limits {
    /// No limits.
    pub const fn new() -> Self {
        Self {
            memory: None,
            cpu_time: None,
            open_files: None,
            processes: None,
            file_size: None,
            address_space: None,
        }
    }

    /// Resident memory in bytes, of the plugin and its descendants together; from 1 MiB. A plugin
    /// that exceeds it is killed. Linux only.
    ///
    /// In a cgroup the kernel enforces it. Elsewhere it is looked at every 500 ms, memory that
    /// several processes share counts for each of them, and that of a descendant whose parent has
    /// ended not at all.
    pub const fn memory(mut self, bytes: u64) -> Self {
        self.memory = unless_zero(bytes);
        self
    }

    /// Time on processors, in whole seconds, rounded up; up to a year. Each process of the plugin
    /// has this much, and is ended by SIGXCPU after it, and by SIGKILL a second later.
    pub const fn cpu_time(mut self, time: Duration) -> Self {
        self.cpu_time = if time.is_zero() { None } else { Some(time) };
        self
    }

    /// Descriptors that each process of the plugin may have open; 16 to 1048576. Opening more
    /// fails for the plugin.
    pub const fn open_files(mut self, count: u64) -> Self {
        self.open_files = unless_zero(count);
        self
    }

    /// Processes and threads; 1 to 4194304. Making more fails for the plugin.
    ///
    /// In a cgroup those of the plugin count. Elsewhere all of the plugin's *user* do, and root is
    /// not bound: then the start fails, unless [`user`](crate::Builder::user) names another.
    pub const fn processes(mut self, count: u64) -> Self {
        self.processes = unless_zero(count);
        self
    }

    /// Largest file that it may write, in bytes. A process that writes beyond is ended by SIGXFSZ,
    /// unless it handles that signal.
    pub const fn file_size(mut self, bytes: u64) -> Self {
        self.file_size = unless_zero(bytes);
        self
    }

    /// Address space of each process in bytes; from 1 MiB. Allocating more fails for the plugin.
    /// Programs reserve much more address space than they use, those written in Go and Java above
    /// all: to bound what is used, see [`memory`](Limits::memory).
    pub const fn address_space(mut self, bytes: u64) -> Self {
        self.address_space = unless_zero(bytes);
        self
    }

    /// Checks the range of the one that is no setting.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` with its name.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match self.address_space {
            Some(bytes) if bytes < 1 << 20 => Err(ConfigError::Invalid {
                setting: "limit_address_space",
                value: bytes.to_string(),
                expected: "0 (none), or at least 1048576 bytes",
            }),
            _ => Ok(()),
        }
    }

    /// Rounded up.
    pub(crate) fn cpu_seconds(&self) -> Option<u64> {
        Some(in_seconds(self.cpu_time?).as_secs())
    }
}

/// The whole seconds that hold this time.
pub(crate) const fn in_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs().saturating_add((time.subsec_nanos() > 0) as u64))
}

const fn unless_zero(value: u64) -> Option<u64> {
    if value == 0 { None } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_their_range_are_refused_by_name() {
        let limits = Limits::new().address_space(1000);
        let message =
            r#"limit_address_space cannot be "1000": expected 0 (none), or at least 1048576 bytes"#;
        assert_eq!(limits.check().unwrap_err().to_string(), message);
        Limits::new().check().unwrap();
    }

    #[test]
    fn a_part_of_a_second_counts_as_a_whole_one() {
        let seconds = |time| Limits::new().cpu_time(time).cpu_seconds();
        assert_eq!(seconds(Duration::from_millis(1)), Some(1));
        assert_eq!(seconds(Duration::from_secs(2)), Some(2));
        assert_eq!(seconds(Duration::ZERO), None);
    }
}
