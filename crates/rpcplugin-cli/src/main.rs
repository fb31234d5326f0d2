//! The command `rpcplugin`: plugins, their certificates and their configuration, at a terminal and
//! in scripts.
//!
//! This file only dispatches. A command is a file with a [`clap::Args`] struct, whose doc comment
//! is its help, and `fn run(self, out: &Output) -> Result<Answer, Failure>`.
//!
//! **Invariants:** whatever a program could want to do itself is in the library, not here. A
//! result goes to stdout, all else to stderr. No secret is printed, and a key goes into a file
//! that only its user reads.

mod bench;
mod call;
mod cert;
#[cfg(unix)]
mod check;
mod cli;
mod config;
mod failure;
mod generated;
mod health;
mod inspect;
mod launch;
mod logs;
mod new;
mod output;
mod shell;
mod words;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;

use crate::{cli::Cli, failure::Failure, output::Output};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let out = Output::new(cli.json);
            cli.command.run(&out).map_or_else(|failure| out.fail(&failure), ExitCode::from)
        }
        // Help and version are an answer, not a failure.
        Err(asked) if !asked.use_stderr() => {
            let _ = asked.print();
            ExitCode::SUCCESS
        }
        Err(usage) => {
            // What does not parse may still have said how it wants its answers.
            let words = arguments.iter().take_while(|word| *word != "--");
            match words.into_iter().any(|word| word == "--json") {
                true => Output::new(true).fail(&Failure::from(usage)),
                false => {
                    let _ = usage.print();
                    ExitCode::from(failure::USAGE)
                }
            }
        }
    }
}
