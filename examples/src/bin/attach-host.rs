//! Counts its starts in a plugin: in the one that `KV_REATTACH` names, or in one that it starts,
//! `attach-host ./attach-plugin`. `docs/guide/attach.md` debugs the plugin so.

use miette::{IntoDiagnostic as _, miette};
use rpcplugin::{Client, Tls, tonic::Code};
use rpcplugin_examples::COOKIE;
use rpcplugin_proto::kv::{GetRequest, PutRequest, kv_client::KvClient};
use tokio::process::Command;

#[tokio::main]
async fn main() -> miette::Result<()> {
    let plugin = if std::env::var_os("KV_REATTACH").is_some() {
        // A plugin that was started by hand serves plaintext, to its own user only.
        let builder = Client::builder(COOKIE).tls(Tls::Plaintext);
        builder.attach_variable("KV_REATTACH", "kv").await?
    } else {
        let program = std::env::args_os().nth(1);
        let program = program.ok_or_else(|| miette!("usage: attach-host PLUGIN"))?;
        Client::builder(COOKIE).spawn(Command::new(program)).await?
    };

    let mut kv = plugin.dispense(KvClient::new);
    let starts = match kv.get(GetRequest { key: "starts".into() }).await {
        Ok(found) => found.get_ref().value.len() + 1,
        Err(status) if status.code() == Code::NotFound => 1,
        Err(status) => return Err(status).into_diagnostic(),
    };
    // One byte for each start.
    let request = PutRequest { key: "starts".into(), value: vec![b'|'; starts] };
    kv.put(request).await.into_diagnostic()?;
    show(&format!("starts = {starts}"));
    show(&plugin.shutdown().await?.to_string());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
fn show(line: &str) {
    println!("{line}");
}
