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
    /// In a cgroup the kernel enforces it. Elsewhere it is looked at every 500 ms, and memory that
    /// several processes share counts for each of them.
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

    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` with the setting's name.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        const MIB: u64 = 1024 * 1024;
        let check =
            |setting, value: Option<u64>, range: std::ops::RangeInclusive<u64>, expected| {
                match value {
                    Some(value) if !range.contains(&value) => {
                        Err(ConfigError::Invalid { setting, value: value.to_string(), expected })
                    }
                    _ => Ok(()),
                }
            };
        let bytes = "0 (none), or at least 1048576 bytes";
        check("limit_memory", self.memory, MIB..=u64::MAX, bytes)?;
        check("limit_address_space", self.address_space, MIB..=u64::MAX, bytes)?;
        let files = "0 (none), or 16 to 1048576";
        check("limit_open_files", self.open_files, 16..=1_048_576, files)?;
        let processes = "0 (none), or 1 to 4194304";
        check("limit_processes", self.processes, 1..=4_194_304, processes)?;
        let seconds = "0 (none) to 31536000 s";
        check("limit_cpu_time", self.cpu_seconds(), 1..=31_536_000, seconds)
    }

    /// Rounded up.
    pub(crate) fn cpu_seconds(&self) -> Option<u64> {
        let time = self.cpu_time?;
        Some(time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)))
    }
}

const fn unless_zero(value: u64) -> Option<u64> {
    if value == 0 { None } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_their_range_are_refused_by_name() {
        let refused = |limits: Limits, message: &str| {
            assert_eq!(limits.check().unwrap_err().to_string(), message);
        };
        refused(
            Limits::new().memory(1000),
            r#"limit_memory cannot be "1000": expected 0 (none), or at least 1048576 bytes"#,
        );
        refused(
            Limits::new().open_files(3),
            r#"limit_open_files cannot be "3": expected 0 (none), or 16 to 1048576"#,
        );
        refused(
            Limits::new().cpu_time(Duration::from_secs(31_536_001)),
            r#"limit_cpu_time cannot be "31536001": expected 0 (none) to 31536000 s"#,
        );
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
