use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{tools, workspace};

/// Makes projects in a directory, with the command `rpcplugin` of this workspace.
pub(super) struct Maker {
    place: PathBuf,
    rpcplugin: PathBuf,
    /// Where all projects in Rust are built into, so that they share what they depend on.
    pub(super) target: PathBuf,
}

impl Maker {
    pub(super) fn new(place: &Path) -> Result<Self> {
        let mut build = workspace::cargo();
        build.args(["build", "--quiet", "--package=rpcplugin-cli"]);
        tools::step("cargo build of the command rpcplugin", &mut build)?;
        let target = workspace::target_dir()?;
        let rpcplugin = executable(&target.join("debug/rpcplugin"));
        let target = target.join("new");
        fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
        Ok(Self { place: place.to_owned(), rpcplugin, target })
    }

    pub(super) fn make(&self, kind: &str, name: &str, arguments: &[String]) -> Result<Project> {
        let mut command = Command::new(&self.rpcplugin);
        command.args(["new", kind, name]).args(arguments).current_dir(&self.place);
        tools::step(&format!("rpcplugin new {kind} {name}"), &mut command)?;
        Ok(Project {
            directory: self.place.join(name),
            name: name.to_owned(),
            target: self.target.clone(),
        })
    }

    /// A program that was built of a project in Rust.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        executable(&self.target.join("debug").join(name))
    }
}

pub(super) struct Project {
    pub(super) directory: PathBuf,
    name: String,
    target: PathBuf,
}

impl Project {
    /// Runs a command of cargo in the project, with the versions that this workspace has.
    pub(super) fn cargo(&self, command: &str, arguments: &[&str]) -> Result<()> {
        let lock = self.directory.join("Cargo.lock");
        if !lock.exists() {
            fs::copy(workspace::root().join("Cargo.lock"), &lock)
                .context("cannot copy Cargo.lock")?;
        }
        let mut cargo = workspace::cargo();
        cargo.arg(command).args(arguments).current_dir(&self.directory);
        cargo.env("CARGO_TARGET_DIR", &self.target).env("RUSTFLAGS", "-D warnings");
        // Nobody debugs them, and all is built once.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
        tools::step(&format!("cargo {command} of {}", self.name), &mut cargo)
    }

    /// Runs a tool in the project.
    pub(super) fn tool(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Result<()> {
        let program = program.as_ref();
        let mut tool = Command::new(program);
        tool.args(arguments).current_dir(&self.directory);
        let what = format!("{} {}", program.display(), arguments.join(" "));
        tools::step(&format!("{what} of {}", self.name), &mut tool)
    }
}

/// Runs a command to its end, and returns what it printed.
pub(super) fn run(what: &str, command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {what}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{what}: {}: {complaint}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{what} does not print text"))
}

fn executable(path: &Path) -> PathBuf {
    path.with_extension(env::consts::EXE_EXTENSION)
}
