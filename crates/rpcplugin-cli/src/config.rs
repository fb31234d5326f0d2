use std::path::PathBuf;

use clap::{Args, Subcommand};
use rpcplugin::{Error, config::ConfigBuilder};

use crate::{
    failure::Failure,
    output::{Answer, Output},
};

mod check;
mod init;
mod show;

/// Show, check and begin configurations.
#[derive(Args, Debug)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Init(init::Init),
    Show(show::Show),
}

impl Config {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        match self.command {
            Command::Check(command) => command.run(out),
            Command::Init(command) => command.run(out),
            Command::Show(command) => command.run(out),
        }
    }
}

/// The files and the profile that a program would name.
#[derive(Args, Clone, Debug)]
pub(crate) struct Layers {
    /// Read this YAML, JSON or TOML file, by its extension; a later one wins.
    #[arg(long = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Overlay this profile; PLUGIN_PROFILE wins over it.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl Layers {
    pub(crate) fn builder(self) -> ConfigBuilder {
        let builder = self.files.into_iter().fold(rpcplugin::Config::builder(), |b, f| b.file(f));
        match self.profile {
            Some(name) => builder.profile(name),
            None => builder,
        }
    }

    /// With this process's environment, as a host or plugin that is started here has it.
    fn load(self) -> Result<rpcplugin::Config, Error> {
        self.builder().environment(std::env::vars_os()).build()
    }
}
