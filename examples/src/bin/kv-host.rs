//! Starts the key-value plugin, stores and reads values, and stops it: `kv-host ./kv-plugin`.

use miette::{IntoDiagnostic as _, miette};
use rpcplugin::Client;
use rpcplugin_examples::COOKIE;
use rpcplugin_proto::kv::{GetRequest, ListRequest, PutRequest, kv_client::KvClient};
use tokio::process::Command;

#[tokio::main]
async fn main() -> miette::Result<()> {
    let program = std::env::args_os().nth(1).ok_or_else(|| miette!("usage: kv-host PLUGIN"))?;

    let plugin = Client::builder(COOKIE).spawn(Command::new(program)).await?;
    let mut kv = plugin.dispense(KvClient::new);

    for (key, value) in [("greeting", "hello"), ("great", "indeed"), ("other", "…")] {
        kv.put(PutRequest { key: key.into(), value: value.into() }).await.into_diagnostic()?;
    }
    let reply = kv.get(GetRequest { key: "greeting".into() }).await.into_diagnostic()?;
    show(&format!("greeting = {}", String::from_utf8_lossy(&reply.get_ref().value)));

    let request = ListRequest { prefix: "gre".into() };
    let mut entries = kv.list(request).await.into_diagnostic()?.into_inner();
    while let Some(entry) = entries.message().await.into_diagnostic()? {
        show(&format!("  {} = {}", entry.key, String::from_utf8_lossy(&entry.value)));
    }

    let ended = plugin.shutdown().await?;
    show(&ended.to_string());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
fn show(line: &str) {
    println!("{line}");
}
