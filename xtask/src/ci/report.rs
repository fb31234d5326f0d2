//! The summary that `cargo xtask ci` ends with.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

/// How a step ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    /// Passed, and something could not be checked here.
    PassedBut(String),
    Failed(String),
    /// An earlier failure ended the run.
    NotRun,
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed | Self::PassedBut(_) => "passed",
            Self::Failed(_) => "FAILED",
            Self::NotRun => "not run",
        }
    }

    fn remark(&self) -> Option<&str> {
        match self {
            Self::PassedBut(remark) | Self::Failed(remark) => Some(remark),
            Self::Passed | Self::NotRun => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        self.remark().map_or(Ok(()), |remark| write!(f, ", {remark}"))
    }
}

/// All steps and how they ended; displays as a table.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    name: String,
    outcome: Outcome,
    took: Duration,
}

impl Report {
    pub(super) fn add(&mut self, name: &str, outcome: Outcome, took: Duration) {
        self.lines.push(Line { name: name.to_owned(), outcome, took });
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn failed(&self) -> usize {
        self.count("FAILED")
    }

    /// The last line of a run.
    pub(super) fn counts(&self) -> String {
        let not_run = match self.count("not run") {
            0 => String::new(),
            count => format!(", {count} not run"),
        };
        format!("{} passed, {} failed{not_run}", self.count("passed"), self.failed())
    }

    pub(super) fn to_json(&self, took: Duration) -> Value {
        let steps: Vec<_> = self.lines.iter().map(Line::to_json).collect();
        json!({
            "passed": self.count("passed"),
            "failed": self.failed(),
            "not_run": self.count("not run"),
            "seconds": took.as_secs_f64(),
            "steps": steps,
        })
    }

    fn count(&self, word: &str) -> usize {
        self.lines.iter().filter(|line| line.outcome.word() == word).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
        for Line { name, outcome, took } in &self.lines {
            write!(f, "{name:width$}  {:7}  {:>12}", outcome.word(), seconds(*took))?;
            match outcome.remark() {
                Some(remark) => writeln!(f, "  {remark}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl Line {
    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "outcome": self.outcome.word().to_lowercase().replace(' ', "_"),
            "remark": self.outcome.remark(),
            "seconds": self.took.as_secs_f64(),
        })
    }
}

/// A duration as a person reads it.
pub(super) fn seconds(took: Duration) -> String {
    match took.as_secs() / 60 {
        0 => format!("{:.1} s", took.as_secs_f64()),
        minutes => format!("{minutes} min {:02} s", took.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.add("lints", Outcome::Passed, Duration::from_millis(1540));
        let remark = "advisories NOT checked: no network".to_owned();
        report.add("dependencies", Outcome::PassedBut(remark), Duration::from_secs(125));
        report.add("demo", Outcome::Failed("exit status: 1".to_owned()), Duration::ZERO);
        report
    }

    #[test]
    fn the_table_shows_outcome_time_and_remark() {
        let expected = "\
lints         passed          1.5 s
dependencies  passed     2 min 05 s  advisories NOT checked: no network
demo          FAILED          0.0 s  exit status: 1
";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn the_counts_are_plain() {
        assert_eq!(report().counts(), "2 passed, 1 failed");
    }

    #[test]
    fn steps_that_did_not_run_are_counted_apart() {
        let mut report = report();
        report.add("interop", Outcome::NotRun, Duration::ZERO);
        assert_eq!(report.counts(), "2 passed, 1 failed, 1 not run");
    }

    #[test]
    fn machines_get_the_same() {
        let json = report().to_json(Duration::from_secs(130));
        assert_eq!(json["passed"], 2);
        assert_eq!(json["steps"][1]["outcome"], "passed");
        assert_eq!(json["steps"][1]["remark"], "advisories NOT checked: no network");
        assert_eq!(json["steps"][2]["outcome"], "failed");
    }
}
