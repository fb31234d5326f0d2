//! Running tests, with a time for each.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::programs::Program;
use crate::workspace;

/// How one test ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ran {
    pub(super) test: String,
    pub(super) passed: bool,
    pub(super) seconds: f64,
}

/// Runs the named tests of a program, or all of them; what failed is shown on stderr.
pub(super) fn run(program: &Program, names: Option<&[String]>) -> Result<Vec<Ran>> {
    let mut command = Command::new(&program.path);
    command
        .current_dir(workspace::root().join("tests"))
        // The test harness of stable Rust has the times too, behind this.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["-Zunstable-options", "--format=json", "--report-time"])
        // The leak oracle lets one test run at a time anyway; waiting is no part of a test's time.
        .arg("--test-threads=1")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if let Some(names) = names {
        command.arg("--exact").args(names);
    }
    let output = command.output().with_context(|| format!("cannot run {}", program.name))?;
    let mut ran = read(&String::from_utf8_lossy(&output.stdout), |test, text| {
        eprintln!("--- {test} failed\n{text}");
    });
    if !output.status.success() && ran.iter().all(|ran| ran.passed) {
        eprintln!("faults: {} ended with {}", program.name, output.status);
        let test = format!("the program {}", program.name);
        ran.push(Ran { test, passed: false, seconds: 0.0 });
    }
    Ok(ran)
}

/// The tests among the messages of the harness; `failed` is shown what a failed one printed.
fn read(messages: &str, mut failed: impl FnMut(&str, &str)) -> Vec<Ran> {
    let events = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events
        .filter_map(|event| {
            let passed = match (event["type"].as_str()?, event["event"].as_str()?) {
                ("test", "ok") => true,
                ("test", "failed" | "timeout") => false,
                _ => return None,
            };
            let name = event["name"].as_str()?;
            let test = name.rsplit("::").next().unwrap_or(name).to_owned();
            if !passed {
                failed(&test, event["stdout"].as_str().unwrap_or_default());
            }
            Some(Ran { test, passed, seconds: event["exec_time"].as_f64().unwrap_or_default() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_tells_result_and_time() {
        let messages = r#"
{ "type": "suite", "event": "started", "test_count": 2 }
{ "type": "test", "event": "started", "name": "a1_x" }
{ "type": "test", "name": "a1_x", "event": "ok", "exec_time": 0.25 }
{ "type": "test", "name": "m::b", "event": "failed", "exec_time": 1.5, "stdout": "why" }
{ "type": "suite", "event": "failed", "passed": 1, "failed": 1 }
"#;
        let mut shown = Vec::new();
        let ran = read(messages, |test, text| shown.push(format!("{test}: {text}")));
        let of = |test: &str, passed, seconds| Ran { test: test.to_owned(), passed, seconds };
        assert_eq!(ran, [of("a1_x", true, 0.25), of("b", false, 1.5)]);
        assert_eq!(shown, ["b: why"]);
    }
}
