use std::{fmt, time::Duration};

use rpcplugin_core::ExitStatus;

/// Which step ended a plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ShutdownOutcome {
    /// It ended without a signal of this host: as it was asked to, or by itself.
    Graceful,
    /// It ended after SIGTERM.
    Terminated,
    /// It ended after SIGKILL.
    Killed,
    /// It was left running, because it is not this host's: one in test mode, or one that this host
    /// only connected to. The host's connections to it are closed.
    Left,
    /// It did not end even then. A thread of this process goes on waiting for it.
    Unkillable,
}

impl fmt::Display for ShutdownOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Graceful => "graceful",
            Self::Terminated => "terminated",
            Self::Killed => "killed",
            Self::Left => "left",
            Self::Unkillable => "unkillable",
        })
    }
}

/// How a plugin was stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Which step ended it.
    pub outcome: ShutdownOutcome,
    /// How the process ended; `None` if it did not.
    pub status: Option<ExitStatus>,
    /// Time from the first request to stop until the process was reaped or given up; zero if the
    /// plugin had ended before it was asked.
    pub took: Duration,
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {:?}", self.outcome, self.took)?;
        match self.status {
            Some(status) => write!(f, ", {status}"),
            None => Ok(()),
        }
    }
}
