//! `rpcplugin check`: a plugin of any language, as a black box.
//!
//! `plugin/rules.rs` is the one home of the rules and of all that is said of them. A session starts the peer anew, looks, and writes a [`book::Book`].
//!
//! It looks deeper than the library's own host does, which stops at the first thing that is wrong:
//! processes, lines, sockets and TLS are handled here.

mod arguments;
mod book;
mod dial;
mod line;
mod plugin;
mod process;
mod progress;
mod raw_call;
mod report;
mod rule;
mod stranger;
mod stream;
mod target;

use std::{ffi::OsString, fs, path::PathBuf, time::Instant};

use clap::Args;

use self::{progress::Progress, report::Report};
use crate::{
    failure::Failure,
    launch::signals::Signals,
    output::{Answer, Output},
};

/// Test whether a plugin keeps the rules of the protocol, whatever it is written in.
///
/// Starts the program many times, in good ways and in bad ones, and looks at what it does. Each
/// rule has a stable name, and is a must or a should: exit code 1 says that a must is broken.
/// `--list` prints the rules, and docs/wire-format.md explains them.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Print the rules, and check nothing.
    #[arg(long)]
    list: bool,

    /// Write the report as JUnit's XML too, replacing the file.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[command(flatten)]
    launch: Box<arguments::Launch>,
}

impl Check {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        if self.list {
            let rules = plugin::rules::ALL;
            out.show(|| report::list_json(rules), |f| report::list(rules, f))?;
            return Ok(Answer::Yes);
        }
        let began = Instant::now();
        let command = shown(&self.launch.command);
        let target = self.launch.target()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::system("make a runtime"))?;
        let findings = runtime.block_on(async {
            let mut signals = Signals::new()?;
            let progress = Progress::new();
            tokio::select! {
                findings = plugin::check(&target, &progress) => Ok(findings),
                // What was started goes with the future.
                signal = signals.next() => Err(Failure::Interrupted(signal)),
            }
        })?;
        let report = Report { command, findings };
        if let Some(path) = &self.junit {
            let xml = report::junit(&report, began.elapsed()).map_err(Failure::writing(path))?;
            fs::write(path, xml).map_err(Failure::writing(path))?;
        }
        out.show(|| report.json(), |f| report.text(f))?;
        Ok(Answer::of(report.passed()))
    }
}

fn shown(command: &[OsString]) -> String {
    let words = command.iter().map(|word| rpcplugin::core::escape(word.as_encoded_bytes()));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
