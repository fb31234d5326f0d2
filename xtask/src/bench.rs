use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;

use crate::workspace;

/// Measure, in a release build.
#[derive(clap::Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// The latency of a generated client and of `call_method`, for one method of one plugin over
    /// one connection, by turns.
    Dynamic,
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        match self.what {
            What::Dynamic => dynamic(),
        }
    }
}

fn dynamic() -> Result<()> {
    eprintln!("bench: building with optimisations (some minutes the first time)");
    let build = ["build", "--release", "--quiet", "--package=rpcplugin-examples"];
    let mut cargo = workspace::cargo();
    cargo.args(build).args(["--bin=dynamic-bench", "--bin=kv-plugin"]);
    let status = cargo.status().context("cannot run cargo build")?;
    ensure!(status.success(), "the examples do not build");

    let folder = workspace::target_dir()?.join("release");
    let program = |name: &str| folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let mut bench = Command::new(program("dynamic-bench"));
    let cores = std::thread::available_parallelism().context("cannot count processors")?;
    println!("{cores} processors, {} {}", std::env::consts::OS, std::env::consts::ARCH);
    let status = bench.arg(program("kv-plugin")).status().context("cannot run the benchmark")?;
    ensure!(status.success(), "the benchmark failed: {status}");
    Ok(())
}
