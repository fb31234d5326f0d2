//! The list, for people and for machines.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

use super::{
    page::{Gap, Number, Row},
    run::Ran,
};

/// Each row and what became of it; displays as a table.
#[derive(Debug)]
pub(super) struct Report {
    rows: Vec<Row>,
    untested: Vec<Gap>,
    /// By the name of the test.
    ran: BTreeMap<String, Ran>,
    /// Tests that cover no row.
    others: Vec<(String, Ran)>,
}

impl Report {
    pub(super) fn new(rows: Vec<Row>, untested: Vec<Gap>) -> Self {
        Self { rows, untested, ran: BTreeMap::new(), others: Vec::new() }
    }

    /// Takes the results of one file of tests.
    pub(super) fn add(&mut self, file: &str, ran: Vec<Ran>) {
        for ran in ran {
            if self.rows.iter().any(|row| row.test() == ran.test) {
                self.ran.insert(ran.test.clone(), ran);
            } else {
                self.others.push((file.to_owned(), ran));
            }
        }
    }

    /// Whether a test failed, or did not run although it should have.
    pub(super) fn has_failed(&self) -> bool {
        self.count(|row| self.word(row) != "passed") > 0
            || self.others.iter().any(|(_, ran)| !ran.passed)
    }

    pub(super) fn counts(&self) -> String {
        let others = self.others.iter().filter(|(_, ran)| ran.passed).count();
        format!(
            "{} rows passed, {} failed, {} did not run, {} numbers without a test; of {} other tests \
             {others} passed",
            self.count(|row| self.word(row) == "passed"),
            self.count(|row| self.word(row) == "FAILED"),
            self.count(|row| self.word(row) == "not run"),
            self.untested.len(),
            self.others.len(),
        )
    }

    pub(super) fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "numbers": row.numbers.iter().map(Number::to_string).collect::<Vec<_>>(),
                "sentence": row.sentence,
                "file": row.file,
                "test": row.test(),
                "result": self.word(row).to_lowercase(),
                "seconds": self.ran.get(&row.test()).map(|ran| ran.seconds),
            })
        });
        let untested = self
            .untested
            .iter()
            .map(|gap| json!({ "number": gap.number.to_string(), "reason": gap.reason }));
        let others = self.others.iter().map(|(file, ran)| {
            let result = if ran.passed { "passed" } else { "failed" };
            json!({ "file": file, "test": ran.test, "result": result, "seconds": ran.seconds })
        });
        json!({
            "rows": rows.collect::<Vec<_>>(),
            "without_a_test": untested.collect::<Vec<_>>(),
            "other_tests": others.collect::<Vec<_>>(),
        })
    }

    fn word(&self, row: &Row) -> &'static str {
        match self.ran.get(&row.test()) {
            Some(ran) if ran.passed => "passed",
            Some(_) => "FAILED",
            None => "not run",
        }
    }

    fn count(&self, which: impl Fn(&Row) -> bool) -> usize {
        self.rows.iter().filter(|row| which(row)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let numbers: Vec<_> = row.numbers.iter().map(Number::to_string).collect();
            let took = self.ran.get(&row.test()).map_or(0.0, |ran| ran.seconds);
            let (numbers, word) = (numbers.join(", "), self.word(row));
            writeln!(f, "{numbers:8}  {word:7}  {took:6.2} s  {}", row.sentence)?;
        }
        for Gap { number, reason } in &self.untested {
            writeln!(f, "{:8}  no test            {reason}", number.to_string())?;
        }
        for (file, ran) in self.others.iter().filter(|(_, ran)| !ran.passed) {
            writeln!(f, "{:8}  FAILED   {:6.2} s  {file}: {}", "", ran.seconds, ran.test)?;
        }
        f.write_str(&self.counts())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::page::Page, *};

    fn report(passed: bool) -> Report {
        let page =
            Page::parse("| A1 | x holds | `start` |\n| A2 | y holds | `start` |\n| A3 | root |");
        let mut report = Report::new(page.rows, page.untested);
        let ran = |test: &str, passed| Ran { test: test.to_owned(), passed, seconds: 0.5 };
        report.add("start", vec![ran("a1_x_holds", true), ran("a2_y_holds", passed)]);
        report.add("start", vec![ran("other", true)]);
        report
    }

    #[test]
    fn each_row_has_a_line() {
        let expected = "\
A1        passed     0.50 s  x holds
A2        FAILED     0.50 s  y holds
A3        no test            root
1 rows passed, 1 failed, 0 did not run, 1 numbers without a test; of 1 other tests 1 passed";
        assert_eq!(report(false).to_string(), expected);
        assert!(report(false).has_failed() && !report(true).has_failed());
    }

    #[test]
    fn a_row_whose_test_did_not_run_is_no_success() {
        let page = Page::parse("| A1 | x holds | `start` |");
        assert!(Report::new(page.rows, page.untested).has_failed());
    }

    #[test]
    fn machines_get_the_same() {
        let json = report(false).to_json();
        assert_eq!(json["rows"][1]["result"], "failed");
        assert_eq!(json["rows"][1]["seconds"], 0.5);
        assert_eq!(json["without_a_test"][0]["number"], "A3");
        assert_eq!(json["other_tests"][0]["test"], "other");
    }
}
