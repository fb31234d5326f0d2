use std::{path::Path, process::Command as Program};

use rpcplugin::Client;
use serde_json::json;

/// Starts another plugin, as a host that passes its whole environment on, and writes what came of
/// it to a file. The plugin lives as long as what is returned.
pub(crate) async fn start(leaf: &str, report: &Path) -> anyhow::Result<Client> {
    let builder = Client::builder(rpcplugin_tests::COOKIE).inherit_env(true).versions([6, 7]);
    let mut command = tokio::process::Command::from(Program::new(leaf));
    command.arg("versions=5,6");
    if let Some(mark) = std::env::var_os("LEAK_GUARD_CASE") {
        command.env("LEAK_GUARD_CASE", mark);
    }
    let client = builder.spawn(command).await?;
    let certificate = |found: Option<&rpcplugin::client::Certificate>| {
        found.map(|certificate| certificate.fingerprint().to_string())
    };
    let report_of_it = json!({
        "pid": client.pid(),
        "version": client.version(),
        "address": client.address().to_string(),
        "certificate": certificate(client.peer_certificate()),
        "host_certificate": certificate(client.host_certificate()),
    });
    let unfinished = report.with_extension("new");
    std::fs::write(&unfinished, report_of_it.to_string())?;
    std::fs::rename(unfinished, report)?;
    Ok(client)
}
