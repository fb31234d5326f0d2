//! Commands for the maintainers of rpcplugin.
//!
//! This file only dispatches. Each command is one file: a [`clap::Args`] struct, whose doc comment
//! is its help, with `fn run(self) -> anyhow::Result<()>`. A new one needs its `mod`, a variant of
//! [`Command`], and a line in [`Command::run`].
#![expect(clippy::print_stdout, reason = "talking to a person at a terminal is what xtask is for")]

mod bench;
mod ci;
mod codegen;
mod container;
mod debian;
mod demo;
mod deny;
mod faults;
mod fuzz;
mod interop;
mod new;
mod reference;
mod rotation;
mod tidy;
mod tools;
mod workspace;

use std::{fmt, process::ExitCode};

use clap::{Parser, Subcommand};

/// Commands for the maintainers of rpcplugin.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(bench::Bench),
    Ci(ci::Ci),
    Codegen(codegen::Codegen),
    Container(container::Container),
    Demo(demo::Demo),
    Deny(deny::Deny),
    Faults(faults::Faults),
    Fuzz(fuzz::Fuzz),
    Interop(interop::Interop),
    New(new::New),
    Reference(reference::Reference),
    Rotation(rotation::Rotation),
    Tidy(tidy::Tidy),
}

impl Command {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Bench(command) => command.run(),
            Self::Ci(command) => command.run(),
            Self::Codegen(command) => command.run(),
            Self::Container(command) => command.run(),
            Self::Demo(command) => command.run(),
            Self::Deny(command) => command.run(),
            Self::Faults(command) => command.run(),
            Self::Fuzz(command) => command.run(),
            Self::Interop(command) => command.run(),
            Self::New(command) => command.run(),
            Self::Reference(command) => command.run(),
            Self::Rotation(command) => command.run(),
            Self::Tidy(command) => command.run(),
        }
    }
}

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<AlreadyReported>() {
                // Not anyhow's `Debug`: who runs this wants the message, not a backtrace.
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The error of a command that has printed what is wrong, and whose last line is to stay last.
#[derive(Debug)]
struct AlreadyReported;

impl fmt::Display for AlreadyReported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed, as reported above")
    }
}

impl std::error::Error for AlreadyReported {}
