//! A host with everything on one connection, for plugins that answer to the keys of
//! `broker-plugin`. It tells its one check as `interop-host` does.
//!
//! Usage: `mux-host [--attach twice] --tls auto|plain --network unix|tcp -- COMMAND [ARGUMENT…]`.
//! With `--attach` it starts a plugin in test mode as somebody would by hand, and attaches to it.
#![expect(clippy::print_stdout, reason = "the check is what this program prints")]

use std::{
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::{
    Client, Tls,
    broker::Broker,
    client::{Builder, PluginChannel, ShutdownOutcome},
};
use rpcplugin_core::{MagicCookie, Network, Reattach};
use rpcplugin_proto::kv::{
    Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest,
    kv_client::KvClient,
    kv_server::{Kv, KvServer},
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};
use tonic::{Request, Response, Status};

/// That of go-plugin's example.
const COOKIE: MagicCookie = MagicCookie::new("BASIC_PLUGIN", "hello");

#[tokio::main]
async fn main() -> ExitCode {
    let done = run().await;
    let passed = done.is_ok();
    let detail = done.map_or_else(|error| format!("{error:#}"), |()| DONE.to_owned());
    println!("{}", json!({ "check": "side channels", "passed": passed, "detail": detail }));
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const DONE: &str = "20 side channels in each direction, and the right end";

async fn run() -> Result<()> {
    let (mut tls, mut network, mut attaches) = (Tls::Auto, Network::Unix, false);
    let mut words = std::env::args().skip(1);
    while let Some(option) = words.next().filter(|option| option != "--") {
        let value = words.next().with_context(|| format!("{option} needs a value"))?;
        match (option.as_str(), value.as_str()) {
            ("--tls", "auto") => tls = Tls::Auto,
            ("--tls", "plain") => tls = Tls::Plaintext,
            ("--network", "unix") => network = Network::Unix,
            ("--network", "tcp") => network = Network::Tcp,
            ("--attach", "twice") => attaches = true,
            ("--skip", _) => {}
            _ => bail!("unknown option: {option} {value}"),
        }
    }
    let mut command = Command::new(words.next().context("no plugin")?);
    command.args(words);
    let builder = Client::builder(COOKIE).tls(tls).transports([network]);
    if attaches {
        return attach_twice(&builder, command).await;
    }
    let client = builder.multiplex_grpc(true).spawn(command).await?;
    check(&client).await?;
    let report = client.shutdown().await?;
    ensure!(report.outcome == ShutdownOutcome::Graceful, "{report}");
    Ok(())
}

/// Comes to a plugin that somebody started by hand, leaves it running, and comes again.
async fn attach_twice(builder: &Builder, mut command: Command) -> Result<()> {
    let mut plugin = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut line = String::new();
    let mut stdout = BufReader::new(plugin.stdout.take().context("it is piped")?);
    stdout.read_line(&mut line).await?;
    let record = Reattach::from_json(&line, "names")?;
    ensure!(record.test && Some(record.pid) == plugin.id(), "{record:?}");
    for is_first in [true, false] {
        let client = builder.clone().attach(record.clone()).await?;
        if is_first {
            check(&client).await?;
        } else {
            // go-plugin's plugins have side channels for their first host only.
            expect(client.dispense(KvClient::new), "k", "plugin:k").await?;
        }
        let report = client.shutdown().await?;
        ensure!(report.outcome == ShutdownOutcome::Left, "{report}");
    }
    // It runs on, and has a clean end of its own.
    let pid = rustix::process::Pid::from_raw(i32::try_from(record.pid)?).context("a process")?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    let ended = tokio::time::timeout(Duration::from_secs(10), plugin.wait()).await??;
    ensure!(ended.success(), "{ended}");
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
    let served = broker.serve(KvServer::new(Names(name.to_owned()))).await?;
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

/// Answers with its name and the key.
#[derive(Debug)]
struct Names(String);

#[tonic::async_trait]
impl Kv for Names {
    type ListStream = tokio_stream::Empty<Result<Entry, Status>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = format!("{}:{}", self.0, request.into_inner().key);
        Ok(Response::new(GetResponse { value: value.into() }))
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}
