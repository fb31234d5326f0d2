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
        .args(["--bin", "broker-host", "--bin", "broker-plugin", "--bin", "cert-host"])
        .status()
        .context("cannot run cargo build")?;
    ensure!(status.success(), "our own ends do not build");
    let dir = workspace::target_dir()?.join("debug");
    let program = |name| dir.join(name).with_extension(env::consts::EXE_EXTENSION);
    let host = |kind| command(program("interop-host"), &["--kind", kind]);
    let broker_host = |mode| command(program("broker-host"), &["--mode", mode]);
    let cert_host = |mode| command(program("cert-host"), &["--mode", mode]);
    let plugin = command(program("interop-plugin"), &[]);
    let broker_plugin = command(program("broker-plugin"), &[]);
    Ok(Programs {
        hosts: vec![
            (Service::Probe, host("probe")),
            (Service::Example, host("kv")),
            (Service::Negotiated, host("negotiated")),
            (Service::Streaming, host("streaming")),
            (Service::Bidirectional, host("counter")),
            (Service::SideChannels, broker_host("plain")),
            (Service::Multiplexed, broker_host("multiplexed")),
            (Service::Attached, broker_host("attached")),
            (Service::Certificates, cert_host("launch")),
            (Service::Tools, cert_host("s_server")),
            (Service::Notifier, host("notifier")),
        ],
        // One program serves the probe and the services of the examples.
        plugins: vec![
            (Service::Probe, plugin.clone()),
            (Service::Example, plugin.clone()),
            (Service::Streaming, plugin.clone()),
            (Service::Bidirectional, plugin.clone()),
            (Service::Certificates, plugin.clone()),
            (Service::Tools, plugin),
            (Service::Negotiated, command(program("interop-plugin"), &["versions=2,3"])),
            (Service::SideChannels, broker_plugin.clone()),
            (Service::Multiplexed, broker_plugin),
            (Service::Attached, command(program("broker-plugin"), &["debug-attach"])),
        ],
    })
}
