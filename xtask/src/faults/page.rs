//! docs/faults.md as data.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

/// Where the page is, below the workspace's folder.
pub(crate) const PATH: &str = "docs/faults.md";

/// The rows of the page, in its order.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) untested: Vec<Gap>,
}

/// One test, and the numbers of the faults that it stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Row {
    pub(crate) numbers: Vec<Number>,
    pub(crate) sentence: String,
    /// The file of the test, without its extension.
    pub(crate) file: String,
}

/// A fault without a test of whole processes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Gap {
    pub(crate) number: Number,
    pub(crate) reason: String,
}

/// The number of a fault: `H3`. They are in the order of the page.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Number {
    group: char,
    number: u32,
}

impl Page {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(root.join(PATH)).with_context(|| format!("cannot read {PATH}"))?;
        Ok(Self::parse(&text))
    }

    /// Rows have three cells, those without a test two.
    pub(crate) fn parse(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines() {
            let Some(inner) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"))
            else {
                continue;
            };
            let cells: Vec<&str> = inner.split(" | ").collect();
            let Some(numbers) = numbers(cells[0]) else { continue };
            match cells.as_slice() {
                [_, sentence, file] => page.rows.push(Row {
                    numbers,
                    sentence: (*sentence).to_owned(),
                    file: file.trim_matches('`').to_owned(),
                }),
                [_, reason] => page.untested.extend(
                    numbers.into_iter().map(|number| Gap { number, reason: (*reason).to_owned() }),
                ),
                _ => {}
            }
        }
        page.untested.sort_by(|a, b| a.number.cmp(&b.number));
        page
    }
}

impl Row {
    /// The name of the test: numbers and sentence, as a function is named.
    pub(crate) fn test(&self) -> String {
        let numbers: Vec<_> = self.numbers.iter().map(Number::to_string).collect();
        let name = format!("{}_{}", numbers.join("_"), self.sentence).to_lowercase();
        name.replace([' ', ','], "_").replace("__", "_")
    }

    pub(super) fn matches(&self, filter: &str) -> bool {
        self.sentence.contains(filter) || self.numbers.iter().any(|number| number.is(filter))
    }
}

impl Gap {
    pub(super) fn matches(&self, filter: &str) -> bool {
        filter.is_empty() || self.number.is(filter)
    }
}

impl Number {
    /// Reads `H3` or `h3`.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let mut chars = word.chars();
        let group = chars.next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
        let digits = chars.as_str();
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok())?.map(|number| Self { group, number })
    }

    fn is(&self, filter: &str) -> bool {
        Self::parse(filter).as_ref() == Some(self)
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.group, self.number)
    }
}

fn numbers(cell: &str) -> Option<Vec<Number>> {
    cell.split(", ").map(Number::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_gaps_are_told_apart() {
        let page = Page::parse(
            "| Row | What holds | File |\n| --- | --- | --- |\n\
             | E2, C9 | a plugin that stopped | `calls` |\n\
             | K9, C3 | needs root |\n",
        );
        let number = |word| Number::parse(word).unwrap();
        let row = Row {
            numbers: vec![number("e2"), number("c9")],
            sentence: "a plugin that stopped".to_owned(),
            file: "calls".to_owned(),
        };
        assert_eq!(row.test(), "e2_c9_a_plugin_that_stopped");
        let gap = |word| Gap { number: number(word), reason: "needs root".to_owned() };
        assert_eq!(page, Page { rows: vec![row], untested: vec![gap("C3"), gap("K9")] });
    }

    #[test]
    fn a_filter_is_a_number_or_part_of_the_sentence() {
        let page = Page::parse("| H1, H11 | a call | `stopping` |\n| H12 | needs root |\n");
        let row = &page.rows[0];
        assert!(row.matches("") && row.matches("h11") && row.matches("call"));
        assert!(!row.matches("H2") && !row.matches("H"));
        assert!(page.untested[0].matches("H12") && !page.untested[0].matches("H1"));
    }
}
