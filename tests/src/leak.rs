//! The leak oracle: proof that a test left nothing behind.
//!
//! [`leak_free`] runs a test under a [`LeakGuard`]. The guard notes what exists before the test,
//! and at its end waits, for at most two seconds, until nothing else is left:
//!
//! 1. no process of the test: none below this one, zombies included, and none anywhere that
//!    carries the test's mark in its environment ([`LeakGuard::command`]);
//! 2. no file in the test's base directory, and no new `rpcplugin…` or `plugin…` entry in the
//!    directory for temporary files that a process of the test holds;
//! 3. no new descriptor;
//! 4. no new thread;
//! 5. no new tokio task.
//!
//! All of this belongs to the process and not to one test, so tests that hold a guard run one
//! at a time, whatever `--test-threads` says. What lives as long as the process by design (the
//! thread that starts children, tokio's signal pipe) is made before the first baseline, by the
//! `warm_up` of [`leak_free`].

use std::{
    ffi::OsStr,
    fmt::Write as _,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{process::Command, runtime::Handle};

mod case;
mod descriptor;
mod process;
mod snapshot;
mod temporary;
mod thread;
mod turn;

pub use self::case::{Runtime, leak_free, leak_free_on};
pub(crate) use self::process::describe;
use self::{snapshot::Snapshot, turn::Turn};

/// How long remnants may take to vanish.
const LIMIT: Duration = Duration::from_secs(2);
/// How often the guard looks.
const INTERVAL: Duration = Duration::from_millis(10);
/// The variable that marks a test's processes.
const MARK: &str = "LEAK_GUARD_CASE";

/// What kind of thing was left behind.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Kind {
    /// A process that runs or sleeps.
    Process,
    /// A process that ended and was not reaped.
    Zombie,
    /// A file, directory or socket.
    File,
    /// An open descriptor of this process.
    Descriptor,
    /// A thread of this process.
    Thread,
    /// A task of the tokio runtime.
    Task,
}

/// One thing that was left behind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leak {
    /// What it is.
    pub kind: Kind,
    /// Which one, and whose.
    pub detail: String,
}

/// Asserts that everything a test made is gone at its end.
///
/// A guard must be consumed by [`LeakGuard::check`] or [`LeakGuard::check_blocking`]. Dropping it
/// unchecked panics, unless the thread panics already. Processes that carry the test's mark are
/// killed in any case, so that a failed test does not disturb the next one.
#[derive(Debug)]
pub struct LeakGuard {
    mark: String,
    before: Snapshot,
    tasks: Option<(Handle, usize)>,
    limit: Duration,
    checked: bool,
    base: TempDir,
    scratch: TempDir,
    // Last, so that the next test starts when all of the above is gone.
    turn: Option<Turn>,
}

impl LeakGuard {
    /// Takes the baseline. Waits for other guards of this process to be dropped first.
    ///
    /// Tokio tasks count only if this is called within a runtime.
    #[must_use]
    pub fn new() -> Self {
        let turn = Turn::wait();
        let mut guard = Self::baseline();
        guard.turn = Some(turn);
        guard
    }

    /// A guard whose caller holds the turn.
    fn baseline() -> Self {
        static CASES: AtomicU32 = AtomicU32::new(0);
        let case = CASES.fetch_add(1, Ordering::Relaxed);
        let directory = |prefix| tempfile::Builder::new().prefix(prefix).tempdir();
        Self {
            mark: format!("{}.{case}", std::process::id()),
            tasks: Handle::try_current()
                .ok()
                .map(|handle| (handle.clone(), handle.metrics().num_alive_tasks())),
            limit: LIMIT,
            checked: false,
            base: directory("case-").expect("the directory for temporary files is writable"),
            scratch: directory("scratch-").expect("the directory for temporary files is writable"),
            before: Snapshot::take(),
            turn: None,
        }
    }

    /// A guard for a part of the test that this guard watches.
    #[must_use]
    pub fn nested(&self) -> Self {
        Self::baseline()
    }

    /// Allows more or less time than two seconds.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The directory for what the code under test makes; it must be empty at the end.
    #[must_use]
    pub fn base(&self) -> &Path {
        self.base.path()
    }

    /// A directory for the test's own files, which goes with the guard.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// A command that carries the test's mark, so that its process and all descendants which keep
    /// the environment are found, even those that left the process tree.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env(MARK, &self.mark);
        command
    }

    /// Asserts that nothing is left.
    ///
    /// # Panics
    ///
    /// If something is, with a list.
    pub async fn check(self) {
        let leaks = self.leaks().await;
        self.assert_none(&leaks);
    }

    /// As [`LeakGuard::check`], for a test without a runtime or whose runtime is gone.
    ///
    /// # Panics
    ///
    /// If something is left, with a list.
    pub fn check_blocking(mut self) {
        // The tasks of a runtime that is gone are gone, and one that this thread would have to
        // drive cannot end them now.
        self.tasks = None;
        let started = Instant::now();
        let mut leaks = self.look();
        while !leaks.is_empty() && started.elapsed() < self.limit {
            std::thread::sleep(INTERVAL);
            leaks = self.look();
        }
        self.assert_none(&leaks);
    }

    /// Waits until nothing is left, or the limit has passed, and tells what is left then.
    ///
    /// The limit is real time: a paused tokio clock does not shorten it.
    pub async fn leaks(&self) -> Vec<Leak> {
        let started = Instant::now();
        loop {
            let leaks = self.look();
            if leaks.is_empty() || started.elapsed() >= self.limit {
                return leaks;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// What is left now.
    fn look(&self) -> Vec<Leak> {
        let mut leaks = Vec::new();
        leaks.extend(process::leaks(&self.before.processes, &self.mark));
        leaks.extend(temporary::leaks(&self.before.entries, self.base(), &self.mark));
        leaks.extend(descriptor::leaks(&self.before.descriptors));
        leaks.extend(thread::leaks(&self.before.threads));
        if let Some((handle, before)) = &self.tasks {
            let now = handle.metrics().num_alive_tasks();
            if now > *before {
                let detail = format!("{} more than the {before} before", now - before);
                leaks.push(Leak { kind: Kind::Task, detail });
            }
        }
        leaks
    }

    #[track_caller]
    fn assert_none(mut self, leaks: &[Leak]) {
        self.checked = true;
        assert!(leaks.is_empty(), "left behind after {:?}:{}", self.limit, list(leaks));
    }
}

impl Default for LeakGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for LeakGuard {
    fn drop(&mut self) {
        let unchecked = !self.checked && !std::thread::panicking();
        let leaks = if unchecked { self.look() } else { Vec::new() };
        process::kill_marked(&self.mark);
        assert!(!unchecked, "a LeakGuard was dropped without a check; left now:{}", list(&leaks));
    }
}

fn list(leaks: &[Leak]) -> String {
    let mut text = String::new();
    for leak in leaks {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {:?}: {}", leak.kind, leak.detail);
    }
    text
}
