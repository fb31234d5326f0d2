//! Commands for the maintainers of rpcplugin.
//!
//! This file only dispatches. Each command is one file: a [`clap::Args`] struct with
//! `fn run(self) -> anyhow::Result<()>`. A new one needs its `mod`, a variant of [`Command`] whose
//! doc comment is its help, and a line in [`Command::run`].
#![expect(clippy::print_stdout, reason = "talking to a person at a terminal is what xtask is for")]

mod codegen;
mod workspace;

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
    /// Write the Rust code of proto/ into crates/rpcplugin-proto/src/generated.
    Codegen(codegen::Codegen),
}

impl Command {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Codegen(command) => command.run(),
        }
    }
}

fn main() -> anyhow::Result<()> {
    Cli::parse().command.run()
}
