//! `cargo xtask new`: what `rpcplugin new` makes, built, tested and run.

mod others;
mod project;

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use self::project::{Maker, run};
use crate::{tools, workspace};

/// Have `rpcplugin new` make projects in a clean directory, build and test them against this
/// workspace, and start their plugins by their hosts.
///
/// A plugin and a host in Rust as they come, the same of an interface with everything in it that
/// is hard to name, and plugins in Python and Go. Builds into target/new; fetches Python's packages
/// with pip into target/new/venv, and Go's modules. Fails if anything does.
#[derive(clap::Args, Debug)]
pub(crate) struct New {
    /// Make it an error that python3 or go is missing.
    #[arg(long)]
    all_peers: bool,
}

impl New {
    pub(crate) fn run(self) -> Result<()> {
        let place = tempfile::tempdir().context("cannot make a temporary directory")?;
        let maker = Maker::new(place.path())?;
        let greeted = pair(&maker, &[])?;
        ensure!(greeted == GREETINGS, "the host in Rust says {greeted:?}");
        let answers = pair(&maker, &nasty())?;
        let unwritten = |line: &str| line.contains(": Unimplemented: ");
        ensure!(
            answers.lines().count() == METHODS && answers.lines().all(unwritten),
            "of {METHODS} methods that are yet to be written the host says {answers:?}"
        );
        let host = maker.program("new-host");
        for (tool, test) in [("python3", others::python as fn(&_, &_) -> _), ("go", others::go)] {
            if tools::is_there(tool) {
                test(&maker, &host)?;
            } else {
                ensure!(!self.all_peers, "{tool} is not installed");
                eprintln!("NOT TESTED here: {tool} is not installed");
            }
        }
        println!("new: all projects build, pass their tests, and work with one another");
        Ok(())
    }
}

/// What a new host has its plugin say.
const GREETINGS: &str = "Hello, Ada!\nHello, Grace!\nHello, Alan!\n";

/// How many methods the files of `nasty` have.
const METHODS: usize = 16;

/// The arguments for an interface with keywords, nested messages, imports and streams.
fn nasty() -> Vec<String> {
    let protos = workspace::root().join("crates/rpcplugin-cli/tests/protos");
    let path = |name: &str| protos.join(name).to_string_lossy().into_owned();
    [
        "--proto",
        &path("type/v1/match.proto"),
        "--proto",
        &path("type/second.proto"),
        "-I",
        &path(""),
    ]
    .map(str::to_owned)
    .into()
}

/// A plugin and a host in Rust; returns what the host says of the plugin.
fn pair(maker: &Maker, protos: &[String]) -> Result<String> {
    let prefix = if protos.is_empty() { "new" } else { "nasty" };
    let rpcplugin = workspace::root().join("crates/rpcplugin").to_string_lossy().into_owned();
    let arguments = [&["--rpcplugin".to_owned(), rpcplugin], protos].concat();
    for kind in ["plugin", "host"] {
        let project = maker.make(kind, &format!("{prefix}-{kind}"), &arguments)?;
        project.cargo("fmt", &["--check"])?;
        project.cargo("test", &["--quiet"])?;
    }
    let plugin = maker.program(&format!("{prefix}-plugin"));
    says(&maker.program(&format!("{prefix}-host")), &[&plugin])
}

/// What a host prints that starts this command.
fn says(host: &Path, plugin: &[&Path]) -> Result<String> {
    let mut command = std::process::Command::new(host);
    command.args(plugin);
    run("the host with its plugin", &mut command)
}
