//! `cargo xtask rotation`: certificates that rotate for a minute under calls.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use crate::workspace;

/// Rotate the certificates of both sides for 60 s of calls, at least a hundred times.
///
/// No call may fail, every new connection presents the new certificate, and a certificate outside
/// the overlap window is refused. `cargo test` does the same for a few rotations.
#[derive(clap::Args, Debug)]
pub(crate) struct Rotation;

impl Rotation {
    pub(crate) fn run(self) -> Result<()> {
        if let Some(remark) = check()? {
            println!("{remark}");
        }
        Ok(())
    }
}

/// Runs it, and returns what it counted, for a summary.
///
/// Writes to stderr only, so that a caller may keep stdout for itself.
pub(crate) fn check() -> Result<Option<String>> {
    if !cfg!(target_os = "linux") {
        return Ok(Some("NOT TESTED here: the leak oracle is Linux's".to_owned()));
    }
    let output = workspace::cargo()
        .args(["test", "--package", "rpcplugin-tests", "--test", "rotation"])
        .args(["--", "m2_", "--nocapture", "--test-threads=1"])
        .env("ROTATION_SECONDS", "60")
        .stderr(Stdio::piped())
        .output()
        .context("cannot run cargo test")?;
    let said = String::from_utf8_lossy(&output.stderr);
    eprintln!("{said}{}", String::from_utf8_lossy(&output.stdout));
    ensure!(output.status.success(), "cargo test --test rotation: {}", output.status);
    summary(&said).context("the tests did not say what they counted").map(Some)
}

/// The tests' own lines on what they counted, as one.
fn summary(said: &str) -> Option<String> {
    let counts = said.lines().filter_map(|line| line.trim().strip_prefix("COUNTED: "));
    let [rotations, refusals] = <[&str; 2]>::try_from(counts.collect::<Vec<_>>()).ok()?;
    Some(format!("{rotations}; {refusals}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_the_counts_of_both_tests() {
        let said = "   Compiling x\nCOUNTED: 120 rotations, 0 failed\nCOUNTED: 1 refused\n";
        assert_eq!(summary(said).as_deref(), Some("120 rotations, 0 failed; 1 refused"));
        assert_eq!(summary("COUNTED: 120 rotations\n"), None);
    }
}
