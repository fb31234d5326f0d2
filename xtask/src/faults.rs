//! `cargo xtask faults`: each fault of docs/faults.md, and whether it is survived here and now.

pub(crate) mod page;
mod programs;
mod report;
mod run;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use self::{
    page::{Page, Row},
    report::Report,
};
use crate::{AlreadyReported, workspace};

/// Run the whole-process tests, and list each row of docs/faults.md with its result and its time.
///
/// Rows without a test are listed with the reason that the page gives. Without a filter the tests of
/// the package that cover no row are run too. Fails if a test does.
#[derive(clap::Args, Debug)]
pub(crate) struct Faults {
    /// Run only the rows with this number (such as H3), or with this text in their sentence.
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,

    /// Print the list as JSON on stdout, and everything else on stderr.
    #[arg(long)]
    json: bool,
}

impl Faults {
    pub(crate) fn run(self) -> Result<()> {
        let page = Page::read(&workspace::root())?;
        let chosen: Vec<Row> =
            page.rows.iter().filter(|row| row.matches(&self.filter)).cloned().collect();
        let untested: Vec<_> =
            page.untested.iter().filter(|gap| gap.matches(&self.filter)).cloned().collect();
        ensure!(
            !chosen.is_empty() || !untested.is_empty(),
            "no row of docs/faults.md has the number or the text {:?}",
            self.filter
        );
        let files: BTreeSet<&str> = chosen.iter().map(|row| row.file.as_str()).collect();
        let mut report = Report::new(chosen.clone(), untested);
        // All of the package's tests, unless some are asked for.
        let whole = self.filter.is_empty();
        for program in programs::build(if whole { None } else { Some(&files) })? {
            let names: Vec<String> =
                chosen.iter().filter(|row| row.file == program.name).map(Row::test).collect();
            eprintln!("faults: {}", program.name);
            let ran = run::run(&program, if whole { None } else { Some(&names) })?;
            report.add(&program.name, ran);
        }
        if self.json {
            println!("{}", report.to_json());
            eprintln!("{}", report.counts());
        } else {
            println!("{report}");
        }
        ensure!(!report.has_failed(), AlreadyReported);
        Ok(())
    }
}
