//! go-plugin: programs of our own that use it, and its key-value example.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{
    pairs::Service,
    peers::{Programs, command},
    setup,
};
use crate::workspace;

/// go-plugin's own examples; they can be built inside our module because that requires go-plugin.
const EXAMPLES: &str = "github.com/hashicorp/go-plugin/examples";

/// Builds everything of one version into `dir`.
///
/// Each version has its own go.mod over the same sources. Go's own cache makes a second run short.
pub(super) fn prepare(dir: &Path, modfile: &str) -> Result<Programs> {
    build(dir, modfile, &["grpc", "grpc/plugin-go-grpc"])?;
    Ok(programs(dir))
}

/// The same of the newest version, with a further example.
pub(super) fn prepare_newest(dir: &Path, modfile: &str) -> Result<Programs> {
    let examples = ["grpc", "grpc/plugin-go-grpc", "negotiated", "negotiated/plugin-go"];
    build(dir, modfile, &examples)?;
    let mut programs = programs(dir);
    programs.hosts.push((Service::Negotiated, command(dir.join("negotiated"), &[])));
    programs.plugins.push((Service::Negotiated, command(dir.join("plugin-go"), &[])));
    Ok(programs)
}

fn build(dir: &Path, modfile: &str, examples: &[&str]) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut build = Command::new("go");
    build
        .current_dir(workspace::root().join("tests/peers/go"))
        .args(["build", "-mod=readonly", "-buildvcs=false", "-modfile", modfile, "-o"])
        .arg(dir)
        .args(["./host", "./plugin"])
        .args(examples.iter().map(|example| format!("{EXAMPLES}/{example}")));
    setup::step(&format!("go build with {modfile}, modules fetched as needed"), &mut build)
}

fn programs(dir: &Path) -> Programs {
    let program = |name: &str| command(dir.join(name), &[]);
    Programs {
        hosts: vec![(Service::Probe, program("host")), (Service::Example, program("grpc"))],
        plugins: vec![
            (Service::Probe, program("plugin")),
            (Service::Example, program("plugin-go-grpc")),
        ],
    }
}
