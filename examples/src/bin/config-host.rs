//! Settings from YAML, JSON, TOML and the environment, and where each came from:
//! `config-host kv-plugin settings.yaml settings.json settings.toml`.

use miette::miette;
use rpcplugin::{Client, Config, config::Source};
use rpcplugin_examples::COOKIE;
use tokio::process::Command;

#[tokio::main]
async fn main() -> miette::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let usage = || miette!("usage: config-host PLUGIN [FILE]...");
    let program = arguments.next().ok_or_else(usage)?;

    // What the program says loses to files, a file to those after it, and all to the environment.
    let mut layers = Config::builder().set("plugin_handshake_timeout", "50s");
    for file in arguments {
        layers = layers.file(file);
    }
    let config = layers.environment(std::env::vars_os()).build()?;

    for entry in config.entries().filter(|entry| entry.source != Source::Default) {
        let (setting, value) = (entry.setting, entry.value.unwrap_or_default());
        show(&format!("{setting} = {value} from {}", entry.source));
        for lost in entry.overridden {
            show(&format!("  over {} from {}", lost.value, lost.source));
        }
    }

    // A builder goes by it; its own values would lie with those of the program.
    let plugin = Client::builder(COOKIE).config(config).spawn(Command::new(program)).await?;
    show(&format!("the plugin listens on {}", plugin.address().network()));
    show(&plugin.shutdown().await?.to_string());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
fn show(line: &str) {
    println!("{line}");
}
