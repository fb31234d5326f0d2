//! The programs that hold the whole-process tests.

use std::{collections::BTreeSet, path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::workspace;

/// One file of `tests/tests`, built.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// Builds the tests of these files, or all of them, and the programs that they start.
pub(super) fn build(files: Option<&BTreeSet<&str>>) -> Result<Vec<Program>> {
    let mut command = workspace::cargo();
    command.args(["test", "--package", "rpcplugin-tests", "--no-run", "--message-format=json"]);
    match files {
        None => command.arg("--tests"),
        Some(files) if files.is_empty() => return Ok(Vec::new()),
        Some(files) => command.args(files.iter().flat_map(|file| ["--test", file])),
    };
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo test")?;
    ensure!(output.status.success(), "the tests do not build: {}", output.status);
    let mut programs = read(&String::from_utf8_lossy(&output.stdout));
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

/// The programs of integration tests among cargo's messages.
fn read(messages: &str) -> Vec<Program> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let target = &message["target"];
            let is_test = target["kind"].as_array()?.iter().any(|kind| kind == "test");
            let path = message["executable"].as_str().filter(|_| is_test)?.into();
            Some(Program { name: target["name"].as_str()?.to_owned(), path })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_of_tests_are_taken() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"x"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"evil"},"executable":"/t/evil"}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"calls"},"executable":"/t/calls-1"}
{"reason":"build-finished","success":true}
"#;
        let expected = Program { name: "calls".to_owned(), path: "/t/calls-1".into() };
        assert_eq!(read(messages), [expected]);
    }
}
