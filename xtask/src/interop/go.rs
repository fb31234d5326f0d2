//! go-plugin: programs of our own that use it, and its key-value example.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{
    pairs::Service,
    peers::{Programs, command},
    setup,
};
use crate::workspace;

/// go-plugin's own example; it can be built inside our module because that requires go-plugin.
const EXAMPLE: &str = "github.com/hashicorp/go-plugin/examples/grpc";

/// Builds everything of one version into `dir`.
///
/// Each version has its own go.mod over the same sources. Go's own cache makes a second run short.
pub(super) fn prepare(dir: &Path, modfile: &str) -> Result<Programs> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let example_plugin = format!("{EXAMPLE}/plugin-go-grpc");
    let mut build = Command::new("go");
    build
        .current_dir(workspace::root().join("tests/peers/go"))
        .args(["build", "-mod=readonly", "-buildvcs=false", "-modfile", modfile, "-o"])
        .arg(dir)
        .args(["./host", "./plugin", EXAMPLE, &example_plugin]);
    setup::step(&format!("go build with {modfile}, modules fetched as needed"), &mut build)?;
    let program = |name: &str| command(dir.join(name), &[]);
    Ok(Programs {
        hosts: vec![(Service::Probe, program("host")), (Service::Example, program("grpc"))],
        plugins: vec![
            (Service::Probe, program("plugin")),
            (Service::Example, program("plugin-go-grpc")),
        ],
    })
}
