//! What must work even when the runtime is wedged: emptying the captured output, and noticing
//! that the host is gone.
//!
//! **Invariant:** the guard never logs and never takes a lock that is held while somebody writes
//! to descriptor 1: it is the one who empties that pipe.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
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
    group::{kill_others, kill_others_after_signal, shares_fate},
    host::lower_death_signal,
    thread::capture,
};

/// How the plugin learns that its host is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HostWatch {
    /// End-of-file on what was stdin when the process began.
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
    /// Time between two looks at the parent, where that is how the host's end shows.
    #[cfg(unix)]
    const PARENT_INTERVAL: Duration = Duration::from_millis(250);
    /// An orphan lives no longer than this once its host's end was noticed, and so no longer than
    /// 2 s in all.
    const LIMIT: Duration = Duration::from_millis(1750);
    /// Most that an orphan's orderly stop may take, so that it is over before the limit.
    pub(crate) const GRACE: Duration = Duration::from_millis(1550);

    fn stop(&self) {
        self.stop.request(Reason::HostGone, None);
    }
}

/// What lies in the file system and must go before the process is ended hard. Clones share the
/// list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    bound: Arc<Mutex<BTreeMap<PathBuf, OwnDirectory>>>,
    /// The directory that the host gave for sockets.
    given: Arc<OnceLock<PathBuf>>,
}

/// Whether the directory of a socket was made for it.
type OwnDirectory = bool;

impl Files {
    pub(crate) fn add(&self, socket: PathBuf, own_directory: bool) {
        self.list().insert(socket, own_directory);
    }

    /// The socket has gone.
    #[cfg(unix)]
    pub(crate) fn forget(&self, socket: &Path) {
        self.list().remove(socket);
    }

    /// Removes them all; whoever bound them does so too in an orderly stop.
    pub(crate) fn remove(&self) {
        let bound = std::mem::take(&mut *self.list());
        for socket in bound.keys() {
            let _ = std::fs::remove_file(socket);
        }
        // Only when they are empty.
        for (socket, _) in bound.iter().filter(|(_, own_directory)| **own_directory) {
            let _ = socket.parent().map(std::fs::remove_dir);
        }
    }

    /// Remembers the directory that the host gave for sockets.
    pub(crate) fn given(&self, directory: PathBuf) {
        let _ = self.given.set(directory);
    }

    /// Removes the directory that the host gave, if it is one of those that hosts of ours make and
    /// is empty: a host that is gone cannot do so any more.
    pub(crate) fn remove_given(&self) {
        #[cfg(unix)]
        if let Some(directory) = self.given.get().filter(|directory| is_private(directory)) {
            let _ = std::fs::remove_dir(directory);
        }
    }

    /// As [`Files::remove_given`], at an end that a signal brought: with such a host it may be the
    /// parent-death signal, and come before the lifeline's end.
    pub(crate) fn remove_given_after_signal(&self) {
        #[cfg(unix)]
        if shares_fate() {
            self.remove_given();
        }
    }

    fn list(&self) -> MutexGuard<'_, BTreeMap<PathBuf, OwnDirectory>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this directory is by name and owner one that a host of ours made for one plugin.
#[cfg(unix)]
fn is_private(directory: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let named = rpcplugin_transport::PrivateDir::is_named_so(directory);
    let user = rustix::process::geteuid().as_raw();
    named && std::fs::symlink_metadata(directory).is_ok_and(|found| found.uid() == user)
}
