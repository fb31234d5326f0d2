use std::{fmt, time::Duration};

use serde_json::{Value, json};

mod limit;

pub use self::limit::{Peak, ReachedLimit};

/// A part of a plugin's start or life, as errors and reports name it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Phase {
    /// The process is being made.
    Spawn,
    /// The process runs; its handshake line is awaited.
    Handshake,
    /// The announced address is being dialled.
    Connect,
    /// The TLS handshake is under way.
    Tls,
    /// Connected; the first answer is awaited.
    Ready,
    /// The plugin answers calls.
    Running,
    /// The plugin was asked to stop.
    Shutdown,
}

impl Phase {
    /// The phase's name in messages and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spawn => "spawn",
            Self::Handshake => "handshake",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExitStatus {
    /// It exited by itself with this code.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether a core was dumped.
        core_dumped: bool,
    },
    /// The system did not tell.
    Unknown,
}

impl ExitStatus {
    /// Whether the process exited with code 0.
    #[must_use]
    pub const fn success(self) -> bool {
        matches!(self, Self::Code(0))
    }

    /// The exit code, unless a signal ended the process.
    #[must_use]
    pub const fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            _ => None,
        }
    }

    /// The signal that ended the process, if one did.
    #[must_use]
    pub const fn signal(self) -> Option<i32> {
        match self {
            Self::Signal { number, .. } => Some(number),
            _ => None,
        }
    }
}

impl From<std::process::ExitStatus> for ExitStatus {
    fn from(status: std::process::ExitStatus) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::process::ExitStatusExt as _;
            if let Some(number) = status.signal() {
                return Self::Signal { number, core_dumped: status.core_dumped() };
            }
        }
        status.code().map_or(Self::Unknown, Self::Code)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal { number, core_dumped } => {
                write!(f, "signal {number}")?;
                if let Some(name) = signal_name(*number) {
                    write!(f, " ({name})")?;
                }
                if *core_dumped {
                    f.write_str(", core dumped")?;
                }
                Ok(())
            }
            Self::Unknown => f.write_str("unknown status"),
        }
    }
}

/// Names of the signals whose numbers are the same on every Unix, or on all but MIPS.
const fn signal_name(number: i32) -> Option<&'static str> {
    const MIPS: bool = cfg!(any(target_arch = "mips", target_arch = "mips64"));
    Some(match number {
        24 if !MIPS => "SIGXCPU",
        25 if !MIPS => "SIGXFSZ",
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

/// What is known about a plugin that failed or ended.
///
/// Every line is already escaped, and the number and length of lines is bounded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CrashReport {
    /// What the plugin was doing.
    pub phase: Phase,
    /// The process's id.
    pub pid: Option<u32>,
    /// How the process ended; `None` if it had not.
    pub status: Option<ExitStatus>,
    /// The limit that ended it, if one did.
    pub limit: Option<ReachedLimit>,
    /// Time from launch to the failure.
    pub alive: Duration,
    /// The most that it used.
    pub peak: Peak,
    /// The last lines of stderr, oldest first.
    pub stderr: Vec<String>,
    /// What was read on stdout outside the protocol, oldest first.
    pub stdout: Vec<String>,
}

impl CrashReport {
    /// An empty report of this phase, for the host to fill.
    #[must_use]
    pub const fn new(phase: Phase) -> Self {
        Self {
            phase,
            pid: None,
            status: None,
            limit: None,
            alive: Duration::ZERO,
            peak: Peak { memory: None, cpu_time: None, descriptors: None },
            stderr: Vec::new(),
            stdout: Vec::new(),
        }
    }

    /// The report as JSON, with the names of the fields.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "phase": self.phase.as_str(),
            "pid": self.pid,
            "status": self.status.map(|status| status.to_string()),
            "exit_code": self.status.and_then(ExitStatus::code),
            "signal": self.status.and_then(ExitStatus::signal),
            "core_dumped": matches!(self.status, Some(ExitStatus::Signal { core_dumped: true, .. })),
            "limit": self.limit.map(ReachedLimit::to_json),
            "alive_ms": u64::try_from(self.alive.as_millis()).unwrap_or(u64::MAX),
            "peak": self.peak.to_json(),
            "stderr": self.stderr,
            "stdout": self.stdout,
        })
    }
}

impl fmt::Display for CrashReport {
    /// Several lines for a person, without a final newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phase {}, alive {:?}", self.phase, self.alive)?;
        if let Some(pid) = self.pid {
            write!(f, ", pid {pid}")?;
        }
        match self.status {
            Some(status) => write!(f, ", {status}")?,
            None => f.write_str(", still running")?,
        }
        if let Some(limit) = self.limit {
            write!(f, ", ended by its {limit}")?;
        }
        if self.peak != Peak::default() {
            write!(f, "\n  peak: {}", self.peak)?;
        }
        for (name, lines) in [("stderr", &self.stderr), ("stdout", &self.stdout)] {
            for line in lines {
                write!(f, "\n  {name}: {line}")?;
            }
        }
        Ok(())
    }
}
