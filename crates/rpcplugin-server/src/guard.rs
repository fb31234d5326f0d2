//! What must work even when the runtime is wedged: emptying the captured output, and noticing
//! that the host is gone.
//!
//! **Invariant:** the guard never logs and never takes a lock that is held while somebody writes
//! to descriptor 1: it is the one who empties that pipe.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::stop::{Reason, Stop};

#[cfg(unix)]
mod group;
#[cfg(unix)]
mod host;
#[cfg(unix)]
#[path = "guard/thread_unix.rs"]
mod thread;
#[cfg(not(unix))]
#[path = "guard/thread_other.rs"]
mod thread;

pub(crate) use self::thread::{emptied, watch};
#[cfg(unix)]
pub(crate) use self::{
    group::{kill_others, kill_others_after_signal},
    host::lower_death_signal,
    thread::capture,
};

/// How the plugin learns that its host is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HostWatch {
    /// End-of-file on stdin.
    Lifeline,
    /// The parent's process id changes.
    Parent,
    /// Not at all.
    Off,
}

/// What happens when the host is gone.
#[derive(Clone, Debug)]
pub(crate) struct HostGone {
    pub(crate) stop: Stop,
    /// The process belongs to the server: it ends after [`HostGone::LIMIT`], come what may.
    pub(crate) hard: bool,
    pub(crate) files: Files,
}

impl HostGone {
    /// An orphan lives no longer than this.
    const LIMIT: Duration = Duration::from_secs(2);
    /// Most that an orphan's orderly stop may take, so that it is over before the limit.
    pub(crate) const GRACE: Duration = Duration::from_millis(1800);

    fn stop(&self) {
        self.stop.request(Reason::HostGone, None);
    }
}

/// Socket files to remove before the process is ended hard. Clones share the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(Arc<Mutex<Vec<PathBuf>>>);

impl Files {
    pub(crate) fn add(&self, path: PathBuf) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    /// Removes them all; whoever bound them does so too in an orderly stop.
    pub(crate) fn remove(&self) {
        for path in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = std::fs::remove_file(path);
        }
    }
}
