//! Looks into a plugin and calls it without generated code: `dynamic-host ./kv-plugin`.

use miette::miette;
use rpcplugin::Client;
use rpcplugin_examples::COOKIE;
use serde_json::json;
use tokio::process::Command;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
async fn main() -> miette::Result<()> {
    let program =
        std::env::args_os().nth(1).ok_or_else(|| miette!("usage: dynamic-host PLUGIN"))?;
    let plugin = Client::builder(COOKIE).spawn(Command::new(program)).await?;

    // The plugin describes itself, by reflection.
    for service in plugin.services().await?.iter().filter(|service| !service.is_framework()) {
        for method in service.methods() {
            println!("{} ({})", method.full_name(), method.kind());
        }
    }

    // Bytes are base64 in JSON.
    plugin.call_method("Put", json!({ "key": "greeting", "value": "aGVsbG8=" })).await?;
    let reply = plugin.call_method("Get", json!({ "key": "greeting" })).await?;
    println!("greeting: {}", reply["value"]);

    let mut entries = plugin.call_server_streaming("List", json!({ "prefix": "g" })).await?;
    while let Some(entry) = entries.message().await? {
        println!("entry: {}", entry["key"]);
    }

    // What is misspelt is told with what was meant.
    if let Err(error) = plugin.call_method("Get", json!({ "kye": "greeting" })).await {
        println!("{error}; {}", error.hint());
    }
    plugin.shutdown().await?;
    Ok(())
}
