//! go-plugin: programs of our own that use it, and its key-value example.

use std::{ffi::OsStr, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{
    pairs::Service,
    peers::{Programs, command},
};
use crate::{tools, workspace};

/// go-plugin's own examples; they can be built inside our module because that requires go-plugin.
const EXAMPLES: &str = "github.com/hashicorp/go-plugin/examples";

/// Builds everything of one version into `dir`.
///
/// Each version has its own go.mod over the same sources. Go's own cache makes a second run short.
pub(super) fn prepare(dir: &Path, modfile: &str) -> Result<Programs> {
    build(dir, modfile, &["./host", "./plugin", "./brokerhost", "./namesplugin"])?;
    build(dir, modfile, &examples(&["grpc", "grpc/plugin-go-grpc"]))?;
    let bidirectional = examples(&["bidirectional", "bidirectional/plugin-go-grpc"]);
    build(&dir.join(BIDIRECTIONAL), modfile, &bidirectional)?;
    Ok(programs(dir))
}

/// The same of a version that multiplexes.
pub(super) fn prepare_multiplexing(dir: &Path, modfile: &str) -> Result<Programs> {
    let mut programs = prepare(dir, modfile)?;
    multiplexing(dir, modfile, &mut programs)?;
    Ok(programs)
}

/// A further host of ours, which older versions cannot build.
fn multiplexing(dir: &Path, modfile: &str, programs: &mut Programs) -> Result<()> {
    build(dir, modfile, &["./muxhost"])?;
    programs.hosts.push((Service::Multiplexed, command(dir.join("muxhost"), &[])));
    programs.plugins.push((Service::Multiplexed, command(dir.join("namesplugin"), &[])));
    Ok(())
}

/// The same of the newest version, with further examples.
pub(super) fn prepare_newest(dir: &Path, modfile: &str) -> Result<Programs> {
    let mut programs = prepare(dir, modfile)?;
    build(dir, modfile, &examples(&["negotiated", "negotiated/plugin-go"]))?;
    // A folder of its own: the plugin's program is called `plugin`, as ours is.
    let streaming = dir.join("streaming-example");
    build(&streaming, modfile, &examples(&["streaming", "streaming/plugin"]))?;
    programs.hosts.extend([
        (Service::Negotiated, command(dir.join("negotiated"), &[])),
        (Service::Streaming, command(streaming.join("streaming"), &[])),
    ]);
    programs.plugins.extend([
        (Service::Negotiated, command(dir.join("plugin-go"), &[])),
        (Service::Streaming, command(streaming.join("plugin"), &[])),
    ]);
    multiplexing(dir, modfile, &mut programs)?;
    build(dir, modfile, &["./testhost", "./testplugin", "./certhost", "./certplugin"])?;
    programs.hosts.push((Service::Certificates, command(dir.join("certhost"), &[])));
    programs.plugins.push((Service::Certificates, command(dir.join("certplugin"), &[])));
    programs.hosts.push((Service::Attached, command(dir.join("testhost"), &[])));
    programs.plugins.push((Service::Attached, command(dir.join("testplugin"), &[])));
    Ok(programs)
}

/// A folder of its own: the plugin of that example has the name of another one's.
const BIDIRECTIONAL: &str = "bidirectional-example";

fn examples(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{EXAMPLES}/{name}")).collect()
}

fn build(dir: &Path, modfile: &str, packages: &[impl AsRef<OsStr>]) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut build = Command::new("go");
    build
        .current_dir(workspace::root().join("tests/peers/go"))
        .args(["build", "-mod=readonly", "-buildvcs=false", "-modfile", modfile, "-o"])
        .arg(dir)
        .args(packages);
    tools::step(&format!("go build with {modfile}, modules fetched as needed"), &mut build)
}

fn programs(dir: &Path) -> Programs {
    let program = |name: &str| command(dir.join(name), &[]);
    let bidirectional = |name: &str| command(dir.join(BIDIRECTIONAL).join(name), &[]);
    Programs {
        hosts: vec![
            (Service::Probe, program("host")),
            (Service::SideChannels, program("brokerhost")),
            (Service::Example, program("grpc")),
            (Service::Bidirectional, bidirectional("bidirectional")),
        ],
        plugins: vec![
            (Service::Probe, program("plugin")),
            (Service::SideChannels, program("namesplugin")),
            (Service::Example, program("plugin-go-grpc")),
            (Service::Bidirectional, bidirectional("plugin-go-grpc")),
        ],
    }
}
