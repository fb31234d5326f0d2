use std::process::Stdio;

use rpcplugin_core::{Error, HandshakeError, MagicCookie, Network, VersionSet, env};
use rpcplugin_transport::PrivateDir;
use tokio::process::Command;

use super::{FakeHost, connect::Papers, process::Process};

/// Starts the plugin with the variables that this host sets: `docs/wire-format.md`, Launch.
pub(super) fn launch(
    host: FakeHost,
    cookie: &MagicCookie,
    mut command: Command,
) -> Result<(Process, Papers), Error> {
    let value = cookie.value_for_launch()?;
    let directory = PrivateDir::create([std::env::temp_dir(), "/tmp".into()], None)?;
    let papers = Papers::new(host)?;

    for name in env::LAUNCH_VARIABLES {
        command.env_remove(name);
    }
    match host {
        FakeHost::NoCookie => command.env_remove(cookie.key()),
        FakeHost::WrongCookie => command.env(cookie.key(), format!("not {value}")),
        _ => command.env(cookie.key(), value),
    };
    if host != FakeHost::NoVersions {
        command.env(env::PROTOCOL_VERSIONS, VersionSet::new(1..=16)?.to_env());
    }
    if let Some(certificate) = papers.sent() {
        command.env(env::CLIENT_CERT, certificate);
    }
    let networks = [Network::Unix, Network::Tcp].map(Network::as_str).join(",");
    command
        .env(env::TRANSPORTS, networks)
        .env(env::MIN_PORT, "10000")
        .env(env::MAX_PORT, "25000")
        .env(env::UNIX_SOCKET_DIR, directory.path())
        .env("TMPDIR", directory.path())
        .env(env::LIFELINE, "stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn().map_err(|source| HandshakeError::SpawnFailed {
        path: command.as_std().get_program().into(),
        source,
    })?;
    Ok((Process::new(child, directory), papers))
}
