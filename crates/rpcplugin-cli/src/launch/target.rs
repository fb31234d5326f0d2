//! Which plugin is meant.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use rpcplugin::{client::Reattach, core::Address};
use serde_json::{Map, Value};
use tokio::process::Command;

use crate::failure::Failure;

#[derive(Debug)]
pub(super) enum Target {
    Program(Program),
    Attach(Reattach),
    Connect(Address),
}

/// A program that can be started again and again.
#[derive(Debug)]
pub(super) struct Program(std::process::Command);

impl Program {
    pub(super) fn new(command: Command) -> Self {
        Self(command.into_std())
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(self.0.get_program());
        command.args(self.0.get_args());
        for (name, value) in self.0.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Another program with the same environment.
    pub(super) fn another(&self, program: OsString) -> Self {
        let mut command = Command::new(program);
        for (name, value) in self.0.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        Self::new(command)
    }

    pub(super) fn name(&self) -> String {
        rpcplugin::core::escape(self.0.get_program().as_encoded_bytes())
    }
}

/// Reads a map of records, and takes the one that is meant.
pub(super) fn record(source: &OsStr, name: Option<&str>) -> Result<Reattach, Failure> {
    let json = text(source)?;
    if let Some(name) = name {
        return Ok(Reattach::from_json(&json, name)?);
    }
    let records = serde_json::from_str::<Map<String, Value>>(&json).unwrap_or_default();
    let mut names = records.keys();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(Reattach::from_json(&json, only)?),
        (Some(_), Some(_)) => {
            let names = records.keys().map(|name| rpcplugin::core::escape_text(name));
            let names = names.take(16).collect::<Vec<_>>().join(", ");
            let message = format!("--attach has several records: {names}");
            Err(Failure::usage(message, "--attach-name says which one is meant"))
        }
        (None, _) => Err(Failure::usage(
            "what --attach names is no record of a plugin",
            "expected JSON as in TF_REATTACH_PROVIDERS: {\"NAME\": {\"Protocol\": \"grpc\", …}}",
        )),
    }
}

/// JSON itself, stdin, or a file.
fn text(source: &OsStr) -> Result<String, Failure> {
    /// No record is larger.
    const LARGEST: u64 = 64 * 1024 + 1;
    if let Some(json) = source.to_str().filter(|text| text.trim_start().starts_with('{')) {
        return Ok(json.to_owned());
    }
    let path = Path::new(source);
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => io::stdin().lock().take(LARGEST).read_to_string(&mut text),
        false => File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)),
    };
    read.map_err(Failure::reading(path))?;
    Ok(text)
}

/// `/PATH`, `unix:/PATH`, `IP:PORT` or `tcp:IP:PORT`.
pub(super) fn address(text: &str) -> Result<Address, Failure> {
    let (network, rest) = match (text.strip_prefix("unix:"), text.strip_prefix("tcp:")) {
        (Some(path), _) => ("unix", path),
        (_, Some(address)) => ("tcp", address),
        _ if text.starts_with('/') => ("unix", text),
        _ => ("tcp", text),
    };
    Address::parse(network, rest).map_err(|error| {
        Failure::usage(format!("the value of --connect: {error}"), "expected /PATH or IP:PORT")
    })
}
