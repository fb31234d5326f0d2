//! `cargo xtask tidy`: the rules of this workspace that no compiler knows.

mod documents;
mod edges;
mod manifests;
mod raised;
mod sources;
mod tree;

use std::{fmt, path::Path};

use anyhow::{Result, bail};

use crate::{reference, workspace};

/// Check the rules that no compiler knows, and report all problems at once.
///
/// Crate edges against the picture of docs/architecture.md; at most 400 lines in a file; no mod.rs;
/// no ignored doctest or test; `unsafe` in `sys` modules only; no unexplained to-do mark; pages that
/// comments name; docs/faults.md against the tests; docs/reference against the code; no error that
/// nobody raises; the workspace's lints in every package; no aws-lc-sys in a default build; no more
/// crates under the smallest plugin and host than recorded.
#[derive(clap::Args, Debug)]
pub(crate) struct Tidy {}

impl Tidy {
    pub(crate) fn run(self) -> Result<()> {
        let metadata = workspace::metadata()?;
        let mut problems = edges::check(&metadata);
        problems.extend(manifests::check(&metadata)?);
        problems.extend(sources::check(&workspace::root())?);
        problems.extend(documents::check(&workspace::root())?);
        problems.extend(raised::check(&workspace::root())?);
        problems.extend(stale_pages(&workspace::root())?);
        problems.extend(tree::check()?);
        if problems.is_empty() {
            println!("tidy: no problems");
            return Ok(());
        }
        for problem in &problems {
            println!("{problem}");
        }
        bail!("tidy found {} problem(s)", problems.len())
    }
}

fn stale_pages(root: &Path) -> Result<Vec<Problem>> {
    let message = format!("differs from what the code says; {}", reference::REMEDY);
    let problem = |(path, _)| Problem::new(path, "reference", message.clone());
    Ok(reference::stale(root)?.into_iter().map(problem).collect())
}

/// One broken rule, and where.
#[derive(Debug, PartialEq)]
struct Problem {
    /// A file, with its line where one is to blame; or a crate.
    place: String,
    rule: &'static str,
    message: String,
}

impl Problem {
    fn new(place: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self { place: place.into(), rule, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.place, self.message, self.rule)
    }
}
