//! Our own ends, of the package `tests`.

use std::env;

use anyhow::{Context as _, Result, ensure};

use super::{
    pairs::Service,
    peers::{Programs, command},
};
use crate::workspace;

pub(super) fn prepare() -> Result<Programs> {
    let status = workspace::cargo()
        .args(["build", "--quiet", "--package", "rpcplugin-tests"])
        .args(["--bin", "interop-host", "--bin", "interop-plugin"])
        .args(["--bin", "mux-host", "--bin", "broker-plugin"])
        .status()
        .context("cannot run cargo build")?;
    ensure!(status.success(), "our own ends do not build");
    let dir = workspace::target_dir()?.join("debug");
    let program = |name| dir.join(name).with_extension(env::consts::EXE_EXTENSION);
    let host = |kind| command(program("interop-host"), &["--kind", kind]);
    let plugin = command(program("interop-plugin"), &[]);
    Ok(Programs {
        hosts: vec![
            (Service::Probe, host("probe")),
            (Service::Example, host("kv")),
            (Service::Negotiated, host("negotiated")),
            (Service::Streaming, host("streaming")),
            (Service::Bidirectional, host("counter")),
            (Service::Multiplexed, command(program("mux-host"), &[])),
            (Service::Attached, command(program("mux-host"), &["--attach", "twice"])),
            (Service::Notifier, host("notifier")),
        ],
        // One program serves the probe and the services of the examples.
        plugins: vec![
            (Service::Probe, plugin.clone()),
            (Service::Example, plugin.clone()),
            (Service::Streaming, plugin.clone()),
            (Service::Bidirectional, plugin),
            (Service::Negotiated, command(program("interop-plugin"), &["versions=2,3"])),
            (Service::Multiplexed, command(program("broker-plugin"), &[])),
            (Service::Attached, command(program("broker-plugin"), &["debug-attach"])),
        ],
    })
}
