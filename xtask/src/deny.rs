//! `cargo xtask deny`: what may enter the dependency tree.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{tools, workspace};

/// Check bans, licences, sources and advisories of all dependencies, as deny.toml says.
///
/// Installs cargo-deny into target/tools first if it is not there (about two minutes, once).
/// Where the RustSec advisory database cannot be fetched within 120 seconds, everything else is
/// checked and the output says that advisories were not, and why.
#[derive(clap::Args, Debug)]
pub(crate) struct Deny {}

impl Deny {
    pub(crate) fn run(self) -> Result<()> {
        check().map(drop)
    }
}

const VERSION: &str = "0.20.2";

/// How long fetching the advisory database may take.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

/// Runs the checks, and returns what could not be checked, for a summary.
///
/// Writes to stderr only, so that a caller may keep stdout for itself.
pub(crate) fn check() -> Result<Option<String>> {
    let program = tools::installed("cargo-deny", VERSION)?;
    let unreachable = fetch_advisories(&program)?;
    let mut command = Command::new(&program);
    command.current_dir(workspace::root()).stdin(Stdio::null()).arg("check");
    if unreachable.is_some() {
        command.args(["bans", "licenses", "sources"]);
    }
    let status = command.status().context("cannot run cargo-deny")?;
    ensure!(status.success(), "cargo-deny found problems: {status}");
    let note = unreachable.map(|why| format!("advisories NOT checked: {why}"));
    if let Some(note) = &note {
        eprintln!("deny: {note}");
    }
    Ok(note)
}

/// Brings the advisory database up to date, or says why that was not possible.
fn fetch_advisories(program: &Path) -> Result<Option<String>> {
    eprintln!("deny: fetching the advisory database (at most {} s)", FETCH_LIMIT.as_secs());
    let log = tools::folder().join("fetch.log");
    let child = Command::new(program)
        .args(["fetch", "db"])
        .current_dir(workspace::root())
        // Git must fail rather than ask for a password.
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stderr(File::create(&log).with_context(|| format!("cannot write {}", log.display()))?)
        .spawn()
        .context("cannot run cargo-deny")?;
    Ok(match wait(child, FETCH_LIMIT)? {
        None => Some(format!("no answer from the database within {} s", FETCH_LIMIT.as_secs())),
        Some(status) if status.success() => None,
        Some(_) => Some(reason(&fs::read_to_string(&log).unwrap_or_default())),
    })
}

/// Waits for a child that may be stuck; kills it and returns `None` once `limit` has passed.
fn wait(mut child: Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a child process")? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            child.kill().context("cannot kill a child process")?;
            child.wait().context("cannot wait for a child process")?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The line of a failed fetch that says most: git's own, else the last.
fn reason(log: &str) -> String {
    let mut lines = log.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.clone().next_back().unwrap_or("the database cannot be fetched");
    lines.find(|line| line.starts_with("fatal:")).unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_gits_own_line() {
        let log = "[ERROR] failed to clone\nCloning\nfatal: Could not resolve host\n\n";
        assert_eq!(reason(log), "fatal: Could not resolve host");
    }

    #[test]
    fn without_git_the_reason_is_the_last_line() {
        assert_eq!(reason("[ERROR] one\n[ERROR] two\n\n"), "[ERROR] two");
        assert_eq!(reason(""), "the database cannot be fetched");
    }

    #[cfg(unix)]
    #[test]
    fn a_stuck_child_is_killed_at_the_limit() {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(wait(child, Duration::from_millis(50)).unwrap(), None);
    }

    #[test]
    fn a_child_that_ends_gives_its_status() {
        let child = workspace::cargo().arg("--version").stdout(Stdio::null()).spawn().unwrap();
        assert!(wait(child, Duration::from_secs(60)).unwrap().unwrap().success());
    }
}
