//! What code and documents say of each other.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result};

use super::{Problem, sources};

const PAGE: &str = "docs/faults.md";
const TESTS: &str = "tests/tests";

/// Compares the page of faults with the tests, and looks for the pages that comments name.
pub(super) fn check(root: &Path) -> Result<Vec<Problem>> {
    let page =
        fs::read_to_string(root.join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
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
    problems.extend(differences(&rows(&page), &tests));
    Ok(problems)
}

fn differences(page: &BTreeSet<String>, tests: &BTreeSet<String>) -> Vec<Problem> {
    let missing = tests.difference(page).map(|test| format!("lacks the row of the test {test}"));
    let stale = page.difference(tests).map(|row| format!("has a row without a test: {row}"));
    missing.chain(stale).map(|message| Problem::new(PAGE, "faults-page", message)).collect()
}

/// The functions whose names begin with the number of a fault: `h3_a_stopped_plugin_…`.
fn numbered_tests(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let name =
            line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?.split('(').next()?;
        is_number(name.split_once('_')?.0).then(|| name.to_owned())
    })
}

/// The test's name that each row of the page stands for.
fn rows(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let (numbers, sentence) = (cells.next()?.to_lowercase(), cells.next()?);
            let is_row = numbers.split(", ").all(is_number);
            is_row.then(|| {
                format!("{numbers}_{sentence}").replace([' ', ','], "_").replace("__", "_")
            })
        })
        .collect()
}

fn is_number(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && word.len() > 1
        && chars.all(|c| c.is_ascii_digit())
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
        let page = "| Row | What holds | File |\n| E2, C9 | a plugin that stopped | `calls` |";
        let test = "#[test]\nfn e2_c9_a_plugin_that_stopped() {\nfn helper() {\n";
        assert_eq!(rows(page), numbered_tests(test).collect());
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
