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
}

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        eprintln!("demo: building host and plugin (two minutes the first time)");
        let mut build = workspace::cargo();
        build.args(["build", "--quiet", "--package=rpcplugin-examples", "--bins"]);
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
        eprintln!("demo: running {}", demo.get_program().display());
        let status = demo.status().context("cannot run the demo")?;
        ensure!(status.success(), "the demo failed: {status}");
        Ok(())
    }
}
