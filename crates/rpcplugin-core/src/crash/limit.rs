use std::{fmt, time::Duration};

use serde_json::{Value, json};

/// The limit by which a plugin's end came, with the value that was set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReachedLimit {
    /// It held more resident memory than this many bytes.
    Memory(u64),
    /// It used more processor time than this.
    CpuTime(Duration),
    /// It wrote to a file beyond this many bytes.
    FileSize(u64),
    /// It lived for this long.
    Lifetime(Duration),
}

impl ReachedLimit {
    /// The limit's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::CpuTime(_) => "cpu_time",
            Self::FileSize(_) => "file_size",
            Self::Lifetime(_) => "lifetime",
        }
    }

    /// Name and value, in bytes or milliseconds.
    pub(super) fn to_json(self) -> Value {
        match self {
            Self::Memory(bytes) | Self::FileSize(bytes) => {
                json!({ "name": self.as_str(), "bytes": bytes })
            }
            Self::CpuTime(time) | Self::Lifetime(time) => {
                json!({ "name": self.as_str(), "ms": millis(time) })
            }
        }
    }
}

impl fmt::Display for ReachedLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bytes) => write!(f, "limit of {bytes} bytes of memory"),
            Self::CpuTime(time) => write!(f, "limit of {time:?} of processor time"),
            Self::FileSize(bytes) => write!(f, "limit of {bytes} bytes for a file"),
            Self::Lifetime(time) => write!(f, "limit of {time:?} on its life"),
        }
    }
}

/// The most that a plugin was seen to use, as far as the system tells.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Peak {
    /// Resident memory in bytes. Without a cgroup it is looked at every few seconds, so a plugin
    /// that grew and ended in between had more.
    pub memory: Option<u64>,
    /// Time on processors in all, of its own code and in the system.
    pub cpu_time: Option<Duration>,
    /// Open descriptors, looked at every few seconds.
    pub descriptors: Option<u64>,
}

impl Peak {
    pub(super) fn to_json(self) -> Value {
        json!({
            "memory_bytes": self.memory,
            "cpu_time_ms": self.cpu_time.map(millis),
            "descriptors": self.descriptors,
        })
    }
}

impl fmt::Display for Peak {
    /// What is known, separated by commas; nothing if that is nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.memory.map(|bytes| format!("{bytes} bytes of memory"));
        let cpu_time = self.cpu_time.map(|time| format!("{time:?} of processor time"));
        let descriptors = self.descriptors.map(|count| format!("{count} descriptors"));
        let known: Vec<String> = [memory, cpu_time, descriptors].into_iter().flatten().collect();
        f.write_str(&known.join(", "))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CrashReport, Phase};

    #[test]
    fn a_report_names_the_limit_and_the_peaks_in_text_and_json() {
        let mut report = CrashReport::new(Phase::Running);
        report.limit = Some(ReachedLimit::Memory(1 << 20));
        report.peak.memory = Some(2 << 20);
        report.peak.cpu_time = Some(Duration::from_millis(30));
        let text = report.to_string();
        assert!(text.contains("ended by its limit of 1048576 bytes of memory"), "{text}");
        assert!(text.contains("peak: 2097152 bytes of memory, 30ms of processor time"), "{text}");
        let json = report.to_json();
        assert_eq!(json["limit"], json!({ "name": "memory", "bytes": 1_048_576 }));
        let peak = json!({ "memory_bytes": 2_097_152, "cpu_time_ms": 30, "descriptors": null });
        assert_eq!(json["peak"], peak);
    }

    #[test]
    fn a_report_without_limits_says_nothing_of_them() {
        let report = CrashReport::new(Phase::Running);
        let text = report.to_string();
        assert!(!text.contains("limit") && !text.contains("peak"), "{text}");
        assert_eq!(report.to_json()["limit"], Value::Null);
    }
}
