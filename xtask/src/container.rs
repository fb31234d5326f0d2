//! `cargo xtask container`: a plugin in a real container, with a runtime that is fetched for it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};

use crate::{debian, workspace};

/// Run a plugin in a real container, and tell on stderr whether one ran.
///
/// Fetches Debian's runc into target/oci first if it is not there, with apt-get download, unless
/// RPCPLUGIN_OCI_RUNTIME names a runtime. Fails if there is none; where the machine forbids
/// containers the test says so.
#[derive(clap::Args, Debug)]
pub(crate) struct Container {}

impl Container {
    pub(crate) fn run(self) -> Result<()> {
        check().map(drop)
    }
}

/// Debian's runtime, and the library that it needs beside the C library.
const PACKAGES: [&str; 2] = ["runc", "libseccomp2"];

/// Runs the test with a runtime, and fails if none can be had; returns what the test says of
/// itself, for a summary.
///
/// Writes to stderr only, so that a caller may keep stdout for itself.
pub(crate) fn check() -> Result<Option<String>> {
    if !cfg!(target_os = "linux") {
        return Ok(Some("NOT TESTED here: containers are Linux's".to_owned()));
    }
    fetch().context("no OCI runtime")?;
    test().map(Some)
}

/// The same without a runtime where none can be had: the test says so, and so does the summary.
pub(crate) fn check_if_possible() -> Result<Option<String>> {
    if !cfg!(target_os = "linux") {
        return check();
    }
    match fetch() {
        Ok(()) => test().map(Some),
        Err(error) => Ok(Some(format!("{}: {error:#}", test()?))),
    }
}

/// Unpacks a runtime into `target/oci`, where the test looks for it, unless it is there or
/// `RPCPLUGIN_OCI_RUNTIME` names one.
fn fetch() -> Result<()> {
    let dir = workspace::root().join("target/oci");
    let runtime = runtime(&dir);
    if env::var_os("RPCPLUGIN_OCI_RUNTIME").is_none() && !runtime.exists() {
        debian::unpack(&dir, &PACKAGES, &dir.join("root"))?;
        ensure!(runtime.exists(), "the package runc has no {}", runtime.display());
    }
    Ok(())
}

fn runtime(dir: &Path) -> PathBuf {
    dir.join("root/usr/sbin/runc")
}

/// Builds the example that the test runs, too, and runs the test; returns its own line on whether it tested anything.
fn test() -> Result<String> {
    let built = workspace::cargo()
        .args(["build", "--package", "rpcplugin-examples", "--bins"])
        .status()
        .context("cannot run cargo build")?;
    ensure!(built.success(), "cargo build --package rpcplugin-examples: {built}");
    let output = workspace::cargo()
        .args(["test", "--package", "rpcplugin-tests", "--test", "container"])
        .stderr(Stdio::piped())
        .output()
        .context("cannot run cargo test")?;
    let said = String::from_utf8_lossy(&output.stderr);
    eprintln!("{said}{}", String::from_utf8_lossy(&output.stdout));
    ensure!(output.status.success(), "cargo test --test container: {}", output.status);
    remark(&said).context("the test did not say whether it tested anything")
}

fn remark(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.contains("TESTED here: "))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_whether_a_container_ran() {
        let ran = "   Compiling x\nTESTED here: a container, with /bin/runc\n";
        assert_eq!(remark(ran).as_deref(), Some("TESTED here: a container, with /bin/runc"));
        let skipped = "NOT TESTED here: a container: no OCI runtime\n";
        assert_eq!(remark(skipped).as_deref(), Some(skipped.trim()));
        assert_eq!(remark("test result: ok. 0 passed"), None);
    }
}
