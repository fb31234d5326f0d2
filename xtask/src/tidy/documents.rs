//! What code and documents say of each other.

use std::{collections::BTreeSet, path::Path};

use anyhow::Result;

use super::{Problem, sources};
use crate::faults::page::{self, Number, Page};

const TESTS: &str = "tests/tests";

/// Compares the page of faults with the tests, and looks for the pages that comments name.
pub(super) fn check(root: &Path) -> Result<Vec<Problem>> {
    let page = Page::read(root)?;
    let mut tests = BTreeSet::new();
    let mut problems = Vec::new();
    sources::each(root, &mut |place, text| {
        if place.starts_with(TESTS) {
            tests.extend(numbered_tests(text));
        }
        for (line, name) in cited_pages(text) {
            if !root.join("docs").join(name).exists() && !root.join(name).exists() {
                let message = format!("names {name}, which is neither here nor in docs/");
                problems.push(Problem::new(format!("{place}:{line}"), "cited-page", message));
            }
        }
    })?;
    let named = page.rows.iter().map(page::Row::test).collect();
    problems.extend(differences(&named, &tests));
    problems.extend(contradictions(&page));
    Ok(problems)
}

/// Numbers that the page calls tested and untested.
fn contradictions(page: &Page) -> Vec<Problem> {
    let tested: BTreeSet<&Number> = page.rows.iter().flat_map(|row| &row.numbers).collect();
    let both = page.untested.iter().filter(|gap| tested.contains(&gap.number));
    both.map(|gap| {
        let message = format!("has a test of {}, and lists it as without one", gap.number);
        Problem::new(page::PATH, "faults-page", message)
    })
    .collect()
}

fn differences(page: &BTreeSet<String>, tests: &BTreeSet<String>) -> Vec<Problem> {
    let missing = tests.difference(page).map(|test| format!("lacks the row of the test {test}"));
    let stale = page.difference(tests).map(|row| format!("has a row without a test: {row}"));
    missing.chain(stale).map(|message| Problem::new(page::PATH, "faults-page", message)).collect()
}

/// The functions whose names begin with the number of a fault: `h3_a_stopped_plugin_…`.
fn numbered_tests(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let name =
            line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?.split('(').next()?;
        Number::parse(name.split_once('_')?.0).map(|_| name.to_owned())
    })
}

/// The pages that comments name in backticks, with their lines.
fn cited_pages(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        let comment = line.trim_start().strip_prefix("//").unwrap_or_default();
        let quoted = comment.split('`').skip(1).step_by(2);
        let pages = quoted.filter(|word| word.ends_with(".md") && !word.contains(' '));
        pages.map(move |page| (index + 1, page))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_tests_are_named_alike() {
        let page = Page::parse("| E2, C9 | a plugin that stopped | `calls` |");
        let test = "#[test]\nfn e2_c9_a_plugin_that_stopped() {\nfn helper() {\n";
        let rows: Vec<_> = page.rows.iter().map(page::Row::test).collect();
        assert_eq!(rows, numbered_tests(test).collect::<Vec<_>>());
    }

    #[test]
    fn a_row_with_a_test_cannot_be_without_one() {
        let page = Page::parse("| A1 | x | `a` |\n| A1, A2 | needs root |");
        let messages: Vec<_> = contradictions(&page).into_iter().map(|p| p.message).collect();
        assert_eq!(messages, ["has a test of A1, and lists it as without one"]);
    }

    #[test]
    fn a_row_without_a_test_and_a_test_without_a_row_are_problems() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let problems = differences(&set(&["a1_x", "a2_y"]), &set(&["a2_y", "a3_z"]));
        let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["lacks the row of the test a3_z", "has a row without a test: a1_x"]);
    }

    #[test]
    fn pages_are_found_in_comments_only() {
        let text = "//! See `docs/faults.md` B.\nlet page = \"`other.md`\";\n";
        assert_eq!(cited_pages(text).collect::<Vec<_>>(), [(1, "docs/faults.md")]);
    }
}
