//! `cargo xtask ci`: exactly what CI runs.

mod report;
mod steps;

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use self::{
    report::{Outcome, Report},
    steps::Step,
};
use crate::{AlreadyReported, workspace};

/// Run all that CI runs, step by step, and end with a table of what passed.
///
/// Formatting, lints, tests, a minute of rotating certificates, documentation, tidy, generated code,
/// each crate alone, builds without TLS and with aws-lc-rs, dependencies, the demo, the interop
/// matrix, new projects and a plugin in a container, whose runtime is unpacked into target/oci. A
/// failed step does not stop the others. The last line reads "N passed, M failed".
#[derive(clap::Args, Debug)]
pub(crate) struct Ci {
    /// Make a missing interop peer or container runtime an error.
    #[arg(long)]
    all_peers: bool,

    /// Print the results as JSON on stdout, and everything else on stderr.
    #[arg(long)]
    json: bool,

    /// Stop at the first step that fails.
    #[arg(long)]
    fail_fast: bool,
}

impl Ci {
    pub(crate) fn run(self) -> Result<()> {
        let xtask = env::current_exe().context("cannot find the running xtask")?;
        let steps = steps::all(&workspace::metadata()?, &xtask, self.all_peers);
        let start = Instant::now();
        let mut report = Report::default();
        for (index, step) in steps.iter().enumerate() {
            self.say(&format!("\n=== [{}/{}] {}", index + 1, steps.len(), step.name()));
            let (outcome, took) = self.run_step(step);
            let failed = matches!(outcome, Outcome::Failed(_));
            self.say(&format!("--- {}: {outcome} ({})", step.name(), report::seconds(took)));
            report.add(step.name(), outcome, took);
            if failed && self.fail_fast {
                break;
            }
        }
        for step in &steps[report.len()..] {
            report.add(step.name(), Outcome::NotRun, Duration::ZERO);
        }
        if self.json {
            println!("{}", report.to_json(start.elapsed()));
        }
        self.say(&format!("\n{}\nall steps took {}", report, report::seconds(start.elapsed())));
        self.say(&report.counts());
        ensure!(report.failed() == 0, AlreadyReported);
        Ok(())
    }

    fn run_step(&self, step: &Step) -> (Outcome, Duration) {
        let start = Instant::now();
        let outcome = match step.run(|text| self.say(text), self.json) {
            Ok(None) => Outcome::Passed,
            Ok(Some(note)) => Outcome::PassedBut(note),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        (outcome, start.elapsed())
    }

    fn say(&self, text: &str) {
        if self.json {
            eprintln!("{text}");
        } else {
            println!("{text}");
        }
    }
}
