//! What a build pulls in.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};

use super::Problem;
use crate::workspace;

/// The smallest builds, and the most crates that each may compile, itself included.
///
/// A change that needs more raises the number here, and says why in `docs/decisions.md`.
const SMALLEST: [(&str, usize); 2] = [("rpcplugin-server", 106), ("rpcplugin-client", 105)];

/// Asks `cargo tree`.
pub(super) fn check() -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let users = tree(&["--workspace", "--edges=normal,build", "--invert=aws-lc-sys"])?;
    if !users.trim().is_empty() {
        let message = format!(
            "a default build compiles aws-lc-sys; it may come with the feature `aws-lc-rs` only:\n{users}"
        );
        problems.push(Problem::new("Cargo.toml", "no-aws-lc-by-default", message));
    }
    for (package, most) in SMALLEST {
        let listing = tree(&[
            "--package",
            package,
            "--no-default-features",
            "--edges=normal",
            "--prefix=none",
            "--no-dedupe",
            // The same number on every machine.
            "--target=x86_64-unknown-linux-gnu",
        ])?;
        problems.extend(excess(package, most, distinct(&listing)));
    }
    Ok(problems)
}

/// The lines of a `cargo tree`; none if the crate to look for is in no build at all.
fn tree(arguments: &[&str]) -> Result<String> {
    let output = workspace::cargo()
        .args(["tree", "--quiet"])
        .args(arguments)
        .output()
        .context("cannot run cargo tree")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && !complaint.contains("did not match any packages") {
        bail!("cargo tree {} failed: {complaint}", arguments.join(" "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How many different packages a tree without prefixes lists.
fn distinct(listing: &str) -> usize {
    listing
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect::<BTreeSet<_>>()
        .len()
}

fn excess(package: &str, most: usize, count: usize) -> Option<Problem> {
    let message = format!(
        "its smallest build compiles {count} crates, {most} are recorded; do without, or raise the \
         number in xtask/src/tidy/tree.rs and say why in docs/decisions.md"
    );
    (count > most).then(|| Problem::new(package, "smallest-build", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_count_once_and_versions_apart() {
        let listing = "a v1.0.0 (/work/a)\nb v1.0.0 (proc-macro)\nb v1.0.0\nb v2.0.0\n\n";
        assert_eq!(distinct(listing), 3);
    }

    #[test]
    fn only_growth_is_a_problem() {
        assert_eq!(excess("small", 10, 10), None);
        let problem = excess("small", 10, 11).unwrap().to_string();
        assert!(problem.starts_with("small: its smallest build compiles 11 crates, 10 are"));
    }

    #[test]
    fn a_crate_in_no_build_has_no_users() {
        assert_eq!(tree(&["--workspace", "--invert=no-such-crate"]).unwrap(), "");
    }
}
