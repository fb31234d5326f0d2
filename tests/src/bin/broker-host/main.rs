//! A host that uses side channels in both directions, for plugins that answer to the keys of
//! `broker-plugin`. It tells its one check as `interop-host` does.
//!
//! Usage: `broker-host --mode MODE --tls auto|plain --network unix|tcp -- COMMAND [ARGUMENT…]`.
//!
//! | Mode | |
//! | --- | --- |
//! | `plain` | each side channel has a connection of its own |
//! | `multiplexed` | everything is on one connection |
//! | `attached` | in plaintext it starts a plugin in test mode as somebody would by hand, and attaches to it; with TLS it attaches to a plugin that was started by a host, which must be refused |
#![expect(clippy::print_stdout, reason = "the check is what this program prints")]

mod attached;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::{
    Client, Tls,
    broker::Broker,
    client::{PluginChannel, ShutdownOutcome},
};
use rpcplugin_core::{MagicCookie, Network};
use rpcplugin_proto::kv::{GetRequest, kv_client::KvClient};
use rpcplugin_tests::Names;
use serde_json::json;
use tokio::process::Command;

/// That of go-plugin's example.
const COOKIE: MagicCookie = MagicCookie::new("BASIC_PLUGIN", "hello");

#[tokio::main]
async fn main() -> ExitCode {
    let (passed, detail) = match run().await {
        Ok(detail) => (true, detail.to_owned()),
        Err(error) => (false, format!("{error:#}")),
    };
    println!("{}", json!({ "check": "side channels", "passed": passed, "detail": detail }));
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run() -> Result<&'static str> {
    let (mut tls, mut network, mut mode) = (Tls::Auto, Network::Unix, String::new());
    let mut words = std::env::args().skip(1);
    while let Some(option) = words.next().filter(|option| option != "--") {
        let value = words.next().with_context(|| format!("{option} needs a value"))?;
        match (option.as_str(), value.as_str()) {
            ("--tls", "auto") => tls = Tls::Auto,
            ("--tls", "plain") => tls = Tls::Plaintext,
            ("--network", "unix") => network = Network::Unix,
            ("--network", "tcp") => network = Network::Tcp,
            ("--mode", _) => mode = value,
            ("--skip", _) => {}
            _ => bail!("unknown option: {option} {value}"),
        }
    }
    let mut command = Command::new(words.next().context("no plugin")?);
    command.args(words);
    let is_secure = matches!(tls, Tls::Auto);
    let builder = Client::builder(COOKIE).tls(tls).transports([network]);
    match (mode.as_str(), is_secure) {
        ("plain" | "multiplexed", _) => {
            let client = builder.multiplex_grpc(mode == "multiplexed").spawn(command).await?;
            check(&client).await?;
            stop(client).await?;
            Ok("20 side channels in each direction, and the right end")
        }
        ("attached", false) => {
            attached::attach_twice(&builder, command).await?;
            Ok("attached twice, 20 side channels in each direction, and left running")
        }
        ("attached", true) => {
            attached::refused_without_key(&builder, command).await?;
            Ok("SECURITY_REATTACH_NEEDS_TLS, in plaintext no connection, and the plugin runs on")
        }
        _ => bail!("unknown mode: {mode:?}"),
    }
}

async fn stop(client: Client) -> Result<()> {
    let report = client.shutdown().await?;
    ensure!(report.outcome == ShutdownOutcome::Graceful, "{report}");
    Ok(())
}

/// Calls side channels in both directions.
async fn check(client: &Client) -> Result<()> {
    let broker = client.broker();
    for round in 0..20 {
        let name = round.to_string();
        call_plugin(client, &broker, &name).await.context("calling the plugin")?;
        called_by_plugin(client, &broker, &name).await.context("called by the plugin")?;
    }
    expect(client.dispense(KvClient::new), "k", "plugin:k").await
}

async fn call_plugin(client: &Client, broker: &Broker, name: &str) -> Result<()> {
    let id = get(client.dispense(KvClient::new), &format!("serve {name}")).await?;
    let channel = broker.dial(id.parse::<u32>()?).await?;
    expect(KvClient::new(channel), "k", &format!("{name}:k")).await
}

async fn called_by_plugin(client: &Client, broker: &Broker, name: &str) -> Result<()> {
    let served = broker.serve(Names::server(name)).await?;
    let key = format!("dial {} k", served.id());
    expect(client.dispense(KvClient::new), &key, &format!("{name}:k")).await
}

async fn expect(kv: KvClient<PluginChannel>, key: &str, value: &str) -> Result<()> {
    let got = get(kv, key).await?;
    ensure!(got == value, "{key:?} is {got:?}, not {value:?}");
    Ok(())
}

async fn get(mut kv: KvClient<PluginChannel>, key: &str) -> Result<String> {
    let reply = kv.get(GetRequest { key: key.to_owned() }).await?.into_inner();
    Ok(String::from_utf8(reply.value.to_vec())?)
}
