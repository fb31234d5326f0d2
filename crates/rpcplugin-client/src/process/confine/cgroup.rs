//! A cgroup v2 of the plugin's own, below one that was delegated to this process.

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rpcplugin_core::SecurityError;
use rustix::fs::{Access, Mode, OFlags, access};

use super::failed;
use crate::Limits;

mod delegated;

pub(in crate::process) use self::delegated::Delegated;

/// A directory of the cgroup file system for one plugin.
///
/// Dropping it kills whatever is in it and removes it, within a moment; it must be dropped after
/// the plugin was reaped.
#[derive(Debug)]
pub(in crate::process) struct Cgroup {
    path: PathBuf,
    controls_memory: bool,
    controls_processes: bool,
}

impl Cgroup {
    /// Makes one, with those of the limits that it can enforce.
    ///
    /// # Errors
    ///
    /// `SECURITY_ISOLATION_FAILED` if the system refuses.
    pub(super) fn create(parent: &Delegated, limits: &Limits) -> Result<Self, SecurityError> {
        remove_stale(&parent.path);
        let path = make(&parent.path).map_err(|error| refused(&parent.path, error))?;
        // From here on dropping it removes it.
        let made = Self {
            path,
            controls_memory: parent.memory && limits.memory.is_some(),
            controls_processes: parent.processes && limits.processes.is_some(),
        };
        if let Some(bytes) = limits.memory.filter(|_| made.controls_memory) {
            made.write("memory.max", &bytes.to_string())?;
            // All of the plugin or nothing: half of it helps nobody.
            made.write("memory.oom.group", "1")?;
        }
        if let Some(count) = limits.processes.filter(|_| made.controls_processes) {
            made.write("pids.max", &count.to_string())?;
        }
        Ok(made)
    }

    pub(in crate::process) fn controls_memory(&self) -> bool {
        self.controls_memory
    }

    pub(in crate::process) fn controls_processes(&self) -> bool {
        self.controls_processes
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What a process writes to in order to join.
    pub(super) fn processes(&self) -> Result<OwnedFd, SecurityError> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        rustix::fs::open(self.path.join("cgroup.procs"), flags, Mode::empty())
            .map_err(|error| refused(&self.path, error.into()))
    }

    /// What stays readable while the plugin has not been reaped.
    pub(in crate::process) fn readings(&self) -> Readings {
        Readings { path: self.path.clone() }
    }

    fn write(&self, file: &str, value: &str) -> Result<(), SecurityError> {
        let path = self.path.join(file);
        fs::write(&path, value).map_err(|error| refused(&path, error))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        const PAUSE: Duration = Duration::from_millis(1);
        // Linux 5.14. Before, what left the plugin's process group stays, and the directory.
        let _ = fs::write(self.path.join("cgroup.kill"), "1");
        let deadline = Instant::now() + PATIENCE;
        loop {
            match remove(&self.path, deadline, DEPTH) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    if Instant::now() > deadline {
                        tracing::warn!(cgroup = %self.path.display(), "cgroup is not empty");
                        return;
                    }
                    thread::sleep(PAUSE);
                }
                _ => return,
            }
        }
    }
}

/// How long the kernel may take to forget killed processes. The thread that clears up waits for
/// it. In tests of what is removed, which have no kernel to wait for, a busy disk is no failure.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 250 });

/// How deep the cgroups of a plugin are followed.
const DEPTH: usize = 64;

/// Removes a cgroup, and those in it that the plugin made: the system keeps one that has any.
fn remove(path: &Path, deadline: Instant, depth: usize) -> io::Result<()> {
    let first = match fs::remove_dir(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::ResourceBusy | io::ErrorKind::DirectoryNotEmpty
            ) && depth > 0 =>
        {
            error
        }
        removed => return removed,
    };
    // Links do not count.
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let entries = fs::read_dir(path)?.flatten().filter(is_dir);
    let mut emptied = false;
    for entry in entries {
        if Instant::now() > deadline {
            return Err(first);
        }
        emptied |= remove(&entry.path(), deadline, depth - 1).is_ok();
    }
    if emptied { fs::remove_dir(path) } else { Err(first) }
}

/// What a cgroup tells of its processes, past ones included.
#[derive(Debug)]
pub(in crate::process) struct Readings {
    pub(in crate::process) path: PathBuf,
}

impl Readings {
    /// Whether the kernel killed for want of memory.
    pub(in crate::process) fn was_out_of_memory(&self) -> bool {
        self.keyed("memory.events", "oom_kill").is_some_and(|count| count > 0)
    }

    /// Most resident memory at any time, in bytes; Linux 5.19.
    pub(in crate::process) fn peak_memory(&self) -> Option<u64> {
        fs::read_to_string(self.path.join("memory.peak")).ok()?.trim().parse().ok()
    }

    /// Time on processors, of all.
    pub(in crate::process) fn cpu_time(&self) -> Option<Duration> {
        self.keyed("cpu.stat", "usage_usec").map(Duration::from_micros)
    }

    fn keyed(&self, file: &str, key: &str) -> Option<u64> {
        let text = fs::read_to_string(self.path.join(file)).ok()?;
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(found, _)| *found == key)?.1.parse().ok()
    }
}

fn refused(path: &Path, error: io::Error) -> SecurityError {
    failed(&format!("cgroup {}", path.display()), error)
}

/// Names tell which process made a cgroup, so that another may remove it.
const PREFIX: &str = "rpcplugin-";

fn make(parent: &Path) -> io::Result<PathBuf> {
    const ATTEMPTS: usize = 1000;
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    for _ in 0..ATTEMPTS {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            // Of a process that had our number before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes what killed hosts left. The system keeps one that still has processes.
fn remove_stale(parent: &Path) {
    let deadline = Instant::now() + PATIENCE;
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let is_gone = |pid: u32| access(format!("/proc/{pid}"), Access::EXISTS).is_err();
        if owner.and_then(|pid| pid.parse().ok()).is_some_and(is_gone) {
            let _ = remove(&entry.path(), deadline, DEPTH);
        }
    }
}

#[cfg(test)]
mod tests;
