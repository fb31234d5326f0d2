//! A place for one pair to run in, and what is left there afterwards.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{outcome::Check, pairs::Pair};
use crate::workspace;

/// How long a host may take, plugin and all.
const LIMIT: Duration = Duration::from_secs(90);

/// How long what is going anyway may take to be gone: a plugin whose host ended without a word has
/// 2 s.
const LAST_MOMENT: Duration = Duration::from_secs(3);

/// The working directory of a host and its plugin, with the temporary directory of both.
///
/// Everything that is left in it is removed with it, and so is every process that still runs in it.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: PathBuf,
    log: PathBuf,
    ours: bool,
}

impl Scratch {
    pub(super) fn new(pair: &Pair) -> Result<Self> {
        // Short, because the sockets lie below: their paths may have 107 bytes.
        let dir = env::temp_dir().join(format!("rpcplugin-interop-{}", std::process::id()));
        let logs = workspace::root().join("target/interop/logs");
        for dir in [&dir.join("tmp"), &logs] {
            fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        // Without links: a process tells its working directory so.
        let dir =
            dir.canonicalize().with_context(|| format!("cannot resolve {}", dir.display()))?;
        let log = logs.join(format!("{}.log", file_name(&pair.name())));
        // Of the latest run only.
        File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        Ok(Self { dir, log, ours: pair.host.is_ours() })
    }

    /// Where the output of the pair is kept.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Puts a program of one line into the working directory.
    pub(super) fn script(&self, name: &str, line: &str) -> Result<()> {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.dir))
            .and_then(|()| fs::write(&path, format!("#!/bin/sh\n{line}\n")))
            .and_then(|()| make_executable(&path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes the checks below what the host and its plugin said.
    pub(super) fn keep(&self, checks: &[Check]) -> Result<()> {
        let log = File::options().append(true).open(&self.log);
        let mut log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        for Check { name, passed, detail } in checks {
            let word = if *passed { "passed" } else { "failed" };
            writeln!(log, "{word} {name}: {detail}")?;
        }
        Ok(())
    }

    /// Runs a host to its end, and returns the lines it printed.
    pub(super) fn run(
        &self,
        command: &[OsString],
        variables: &[(&str, OsString)],
    ) -> Result<Ended> {
        let (program, arguments) = command.split_first().context("there is no such program")?;
        let log = File::options().append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        let child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().cloned())
            .env("TMPDIR", self.dir.join("tmp"))
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        collect(child)
    }

    /// Checks that no process and no file has outlived the host, save by a limit of the pair.
    pub(super) fn check_nothing_left(&self, pair: &Pair) -> Vec<Check> {
        let limits = pair.limits();
        let limited = |name| limits.iter().any(|(check, _)| *check == name);
        let mut checks = Vec::new();
        if !limited("processes") {
            let left = gone(|| self.processes(), |pid| format!("process {pid}"));
            checks.push(Check::of("processes", left));
        }
        if !limited("files") {
            let left = gone(|| self.files(), |path| path.display().to_string());
            checks.push(Check::of("files", left));
        }
        checks
    }

    /// The processes that run in the scratch directory: neither host nor plugin changes it.
    fn processes(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new(); // Not Linux: the hosts' own checks have to do.
        };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let here = |pid: &u32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&self.dir))
        };
        pids.filter(here).collect()
    }

    /// What is left in the temporary directory: under our host nothing may be, under others no socket.
    fn files(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        collect_files(&self.dir.join("tmp"), &mut left);
        left.retain(|path| self.ours || is_socket(path));
        left
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for pid in self.processes() {
            // They are the plugin's, and were reported. `kill` is everywhere where /proc is.
            let _killed = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
        let _removed = fs::remove_dir_all(&self.dir);
    }
}

/// What a host printed, and how it ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) lines: Vec<String>,
    /// `None` if it was killed for taking too long.
    pub(super) status: Option<ExitStatus>,
}

/// Reads what a child prints until it ends or its time is up.
fn collect(mut child: Child) -> Result<Ended> {
    let stdout = child.stdout.take().context("the host's output is not piped")?;
    let (sender, receiver) = mpsc::channel();
    // Not joined: a process that outlives the host may hold the pipe open.
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait for the host")? {
            break Some(status);
        }
        if start.elapsed() >= LIMIT {
            child.kill().context("cannot kill the host")?;
            child.wait().context("cannot wait for the host")?;
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut lines = Vec::new();
    // Ends when the pipe does, or when nothing more comes out of it.
    while let Ok(line) = receiver.recv_timeout(Duration::from_millis(500)) {
        lines.push(line);
    }
    Ok(Ended { lines, status })
}

/// Fails if something stays for longer than the last moment.
fn gone<T>(left: impl Fn() -> Vec<T>, name: impl Fn(&T) -> String) -> Result<String> {
    let start = Instant::now();
    let mut rest = left();
    while !rest.is_empty() && start.elapsed() < LAST_MOMENT {
        thread::sleep(Duration::from_millis(20));
        rest = left();
    }
    let names: Vec<_> = rest.iter().map(name).collect();
    ensure!(names.is_empty(), "left behind: {}", names.join(", "));
    Ok("nothing left".into())
}

fn collect_files(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            collect_files(&path, files);
        }
        files.push(path);
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_socket())
}

#[cfg(not(unix))]
fn is_socket(_path: &Path) -> bool {
    false
}

/// A name without the characters that are awkward in a file's name.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    name.chars().map(plain).collect()
}
