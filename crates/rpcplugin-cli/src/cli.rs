use clap::{Parser, Subcommand};

use crate::{
    bench::Bench,
    call::Call,
    cert::Cert,
    config::Config,
    failure::Failure,
    generated::{Completions, Man},
    health::Health,
    inspect::Inspect,
    logs::Logs,
    new::New,
    output::{Answer, Output},
    shell::Shell,
};

/// Look into plugins in any language, and make certificates and configurations for them and for
/// the applications that start them.
///
/// Exit codes: 0 success, 1 the answer is no or the command failed, 2 wrong usage. Results go to
/// stdout, everything else to stderr.
#[derive(Debug, Parser)]
#[command(name = "rpcplugin", version, propagate_version = true)]
pub(crate) struct Cli {
    /// Print JSON: results on stdout, errors on stderr.
    #[arg(long, global = true, display_order = 900)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(Inspect),
    Call(Call),
    Health(Health),
    Logs(Logs),
    Shell(Shell),
    Bench(Bench),
    Cert(Cert),
    #[cfg(unix)]
    Check(crate::check::Check),
    Config(Config),
    New(New),
    Completions(Completions),
    Man(Man),
}

impl Command {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        match self {
            Self::Bench(command) => command.run(out),
            Self::Inspect(command) => command.run(out),
            Self::Call(command) => command.run(out),
            Self::Cert(command) => command.run(out),
            #[cfg(unix)]
            Self::Check(command) => command.run(out),
            Self::Config(command) => command.run(out),
            Self::Health(command) => command.run(out),
            Self::Logs(command) => command.run(out),
            Self::New(command) => command.run(out),
            Self::Shell(command) => command.run(out),
            Self::Completions(command) => command.run(out),
            Self::Man(command) => command.run(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_definitions_contradict_each_other_nowhere() {
        Cli::command().debug_assert();
    }
}
