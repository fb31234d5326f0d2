//! What libFuzzer says of a run.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

/// How one target's run ended.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Outcome {
    executions: u64,
    /// Edges of the code that were reached.
    edges: u64,
    /// Edges told apart by how often they were taken: what libFuzzer looks for.
    features: u64,
    /// Inputs that are worth keeping.
    inputs: u64,
    /// What broke the target, and the file with the input.
    finding: Option<String>,
    took: Duration,
}

impl Outcome {
    /// Reads libFuzzer's log.
    pub(super) fn read(log: &str, succeeded: bool, took: Duration) -> Self {
        let status = log.lines().rev().find(|line| line.contains(" cov: ")).unwrap_or_default();
        let stat =
            log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let inputs = word_after(status, "corp:").split('/').next().unwrap_or_default();
        Self {
            executions: stat.map_or(0, |stat| number(stat.trim())),
            edges: number(word_after(status, "cov:")),
            features: number(word_after(status, "ft:")),
            inputs: number(inputs),
            finding: (!succeeded).then(|| finding(log)),
            took,
        }
    }
}

/// What broke, and where the input is.
fn finding(log: &str) -> String {
    let what = log.lines().map(str::trim).find(|line| {
        line.contains("panicked at") || line.contains("ERROR: ") || line.contains("error:")
    });
    let place = log.lines().find_map(|line| line.split_once("Test unit written to "));
    let place = place.map_or("no input was written", |(_, path)| path);
    format!("{}: {place}", what.unwrap_or("the target failed"))
}

fn word_after<'a>(line: &'a str, key: &str) -> &'a str {
    let mut words = line.split_whitespace();
    words.find(|word| *word == key).and_then(|_| words.next()).unwrap_or_default()
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_default()
}

/// All targets and how they ended; displays as a table.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(String, Outcome)>);

impl Report {
    pub(super) fn add(&mut self, target: String, outcome: Outcome) {
        self.0.push((target, outcome));
    }

    pub(super) fn findings(&self) -> usize {
        self.0.iter().filter(|(_, outcome)| outcome.finding.is_some()).count()
    }

    pub(super) fn to_json(&self) -> Value {
        let targets = self.0.iter().map(|(target, outcome)| {
            json!({
                "target": target,
                "seconds": outcome.took.as_secs(),
                "executions": outcome.executions,
                "edges": outcome.edges,
                "features": outcome.features,
                "inputs": outcome.inputs,
                "finding": outcome.finding,
            })
        });
        json!({ "findings": self.findings(), "targets": targets.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(target, _)| target.len()).max().unwrap_or(0).max(6);
        writeln!(
            f,
            "{:width$}  {:>7}  {:>12}  {:>6}  {:>8}  {:>6}  finding",
            "target", "seconds", "executions", "edges", "features", "inputs"
        )?;
        for (target, outcome) in &self.0 {
            let Outcome { executions, edges, features, inputs, finding, took } = outcome;
            writeln!(
                f,
                "{target:width$}  {:>7}  {executions:>12}  {edges:>6}  {features:>8}  {inputs:>6}  {}",
                took.as_secs(),
                finding.as_deref().unwrap_or("none")
            )?;
        }
        write!(f, "{} targets, {} findings", self.0.len(), self.findings())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INFO: seed corpus: files: 9
#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 40Mb
#9000\tDONE   cov: 410 ft: 1503 corp: 215/9kb lim: 48 exec/s: 150 rss: 60Mb
Done 9000 runs in 60 second(s)
stat::number_of_executed_units: 9000
";

    #[test]
    fn the_figures_are_those_of_the_last_line() {
        let outcome = Outcome::read(LOG, true, Duration::from_secs(61));
        let expected = Outcome {
            executions: 9000,
            edges: 410,
            features: 1503,
            inputs: 215,
            finding: None,
            took: Duration::from_secs(61),
        };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn a_finding_names_what_broke_and_the_input() {
        let log = format!(
            "{LOG}thread '<unnamed>' (3) panicked at src/fuzzing.rs:9:1:\n\
             ==3== ERROR: libFuzzer: deadly signal\n\
             artifact_prefix='x'; Test unit written to x/crash-1\n"
        );
        let mut report = Report::default();
        report.add("line".to_owned(), Outcome::read(&log, false, Duration::from_secs(3)));
        assert_eq!(report.findings(), 1);
        assert_eq!(
            report.to_json()["targets"][0]["finding"],
            "thread '<unnamed>' (3) panicked at src/fuzzing.rs:9:1:: x/crash-1"
        );
        assert!(report.to_string().ends_with("1 targets, 1 findings"));
    }
}
