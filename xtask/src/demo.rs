use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::workspace;

/// Build the key-value example, run host and plugin, and show what happened.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Print the facts as JSON.
    #[arg(long)]
    json: bool,
    /// Build with optimisations, for times that mean something.
    #[arg(long)]
    release: bool,
    /// Listen on loopback TCP instead of a Unix socket.
    #[arg(long)]
    tcp: bool,
    /// Turn mutual TLS off.
    #[arg(long)]
    plaintext: bool,
    /// Run on certificates that the command `rpcplugin` makes, in the directory that this
    /// configuration names: examples/rpcplugin.yaml.
    #[arg(long, value_name = "FILE", conflicts_with = "plaintext")]
    config: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        eprintln!("demo: building host and plugin (two minutes the first time)");
        let mut build = workspace::cargo();
        build.args(["build", "--quiet", "--package=rpcplugin-examples", "--bins"]);
        if self.config.is_some() {
            build.arg("--package=rpcplugin-cli");
        }
        if self.release {
            build.arg("--release");
        }
        let status = build.status().context("cannot run cargo build")?;
        ensure!(status.success(), "the examples do not build");

        let folder = workspace::target_dir()?.join(if self.release { "release" } else { "debug" });
        let program =
            |name: &str| folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
        let mut demo = std::process::Command::new(program("demo"));
        demo.arg(program("kv-plugin"));
        for (flag, on) in
            [("--json", self.json), ("--tcp", self.tcp), ("--plaintext", self.plaintext)]
        {
            if on {
                demo.arg(flag);
            }
        }
        // Goes with its certificates at the end.
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        if let Some(file) = &self.config {
            let file = std::path::absolute(file)?;
            certificates(&program("rpcplugin"), directory.path(), &file)?;
            demo.arg("--config").arg(file).current_dir(directory.path());
        }
        eprintln!("demo: running {}", demo.get_program().display());
        let status = demo.status().context("cannot run the demo")?;
        ensure!(status.success(), "the demo failed: {status}");
        Ok(())
    }
}

/// What an operator does: checks the configuration, makes an authority, and has it issue for host
/// and plugin.
fn certificates(rpcplugin: &Path, directory: &Path, file: &Path) -> Result<()> {
    let file = file.to_str().context("the configuration's path is not UTF-8")?;
    for arguments in [
        &["config", "check", file][..],
        &["cert", "ca", "--dir=certificates", "--common-name=demo root"],
        &["cert", "issue", "host", "--dir=certificates", "--common-name=demo host"],
        &["cert", "issue", "server", "--dir=certificates", "--common-name=demo plugin"],
        &["cert", "verify", "--dir=certificates"],
    ] {
        eprintln!("demo: rpcplugin {}", arguments.join(" "));
        let mut command = std::process::Command::new(rpcplugin);
        let output = command.args(arguments).current_dir(directory).output();
        let output = output.context("cannot run rpcplugin")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "rpcplugin failed: {complaint}");
    }
    Ok(())
}
