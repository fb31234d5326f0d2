//! Works with plugins of both versions: `versions-host ./versions-plugin [1]`. The number is for
//! the plugin.

use miette::{IntoDiagnostic as _, miette};
use rpcplugin::Client;
use rpcplugin_examples::COOKIE;
use rpcplugin_proto::{
    kv::{PutRequest, kv_client::KvClient},
    text::{Line, text_client::TextClient},
};
use tokio::process::Command;

#[tokio::main]
async fn main() -> miette::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().ok_or_else(|| miette!("usage: versions-host PLUGIN [1]"))?;
    let mut command = Command::new(program);
    command.args(arguments);

    let plugin = Client::builder(COOKIE).versions([1, 2]).spawn(command).await?;
    // The highest that both know was agreed on; each has its own services.
    let value = match plugin.version() {
        1 => "hello".to_owned(),
        _ => {
            let mut text = plugin.dispense(TextClient::new);
            let line = text.upper(Line { text: "hello".into() }).await.into_diagnostic()?;
            line.into_inner().text
        }
    };
    show(&format!("version {}: greeting = {value}", plugin.version()));
    let mut kv = plugin.dispense(KvClient::new);
    kv.put(PutRequest { key: "greeting".into(), value: value.into() }).await.into_diagnostic()?;
    plugin.shutdown().await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
fn show(line: &str) {
    println!("{line}");
}
