//! Everything on one connection: `docs/faults.md` F.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use rpcplugin::{
    Client, Tls,
    broker::Broker,
    client::{Builder, ShutdownOutcome},
    core::{Error, ExitStatus, Network},
};
use rpcplugin_proto::kv::{GetRequest, kv_client::KvClient};
use rpcplugin_tests::{
    Fifo, Names,
    host::{evil_plugin, host, kv, program, refusal, signal},
    leak::{LeakGuard, leak_free},
};
use rpcplugin_transport::PluginChannel;
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::UnixStream,
    time::timeout,
};
use tonic::Status;

const WAYS: [(Tls, Network); 4] = [
    (Tls::Auto, Network::Unix),
    (Tls::Plaintext, Network::Unix),
    (Tls::Auto, Network::Tcp),
    (Tls::Plaintext, Network::Tcp),
];

fn builder(guard: &LeakGuard, tls: Tls, network: Network) -> Builder {
    host(guard).tls(tls).transports([network]).multiplex_grpc(true)
}

async fn start(guard: &LeakGuard, tls: Tls, network: Network) -> Client {
    let plugin = guard.command(program("broker-plugin"));
    builder(guard, tls, network).spawn(plugin).await.unwrap()
}

async fn get(mut kv: KvClient<PluginChannel>, key: &str) -> Result<String, Status> {
    let reply = kv.get(GetRequest { key: key.to_owned() }).await?.into_inner();
    Ok(String::from_utf8(reply.value.to_vec()).unwrap())
}

/// Has the plugin serve something, and calls it.
async fn call_plugin(client: &Client, name: &str) -> Result<(), Error> {
    let id: u32 = get(kv(client), &format!("serve {name}")).await.unwrap().parse().unwrap();
    let channel = client.broker().dial(id).await?;
    assert_eq!(get(KvClient::new(channel), "k").await.unwrap(), format!("{name}:k"));
    Ok(())
}

/// Serves something, and has the plugin call it.
async fn called_by_plugin(client: &Client, broker: &Broker, name: &str) {
    let served = broker.serve(Names::server(name)).await.unwrap();
    let answer = get(kv(client), &format!("dial {} k", served.id())).await.unwrap();
    assert_eq!(answer, format!("{name}:k"));
}

async fn ends_well(client: Client) {
    let report = client.shutdown().await.unwrap();
    assert_eq!(report.outcome, ShutdownOutcome::Graceful, "{report}");
    assert_eq!(report.status.and_then(ExitStatus::code), Some(0));
}

#[test]
fn both_sides_call_each_other_over_one_connection() {
    leak_free(async |guard| {
        for (tls, network) in WAYS {
            let client = start(guard, tls.clone(), network).await;
            assert_eq!(client.tls_info().is_some(), tls == Tls::Auto);
            let broker = client.broker();
            for _ in 0..3 {
                assert_eq!(get(kv(&client), "k").await.unwrap(), "plugin:k");
                call_plugin(&client, "one").await.unwrap();
                called_by_plugin(&client, &broker, "two").await;
            }
            ends_well(client).await;
        }
    });
}

#[test]
fn f13_64_dials_at_once_in_both_directions_reach_what_they_mean() {
    leak_free(async |guard| {
        for tls in [Tls::Auto, Tls::Plaintext] {
            let plugin = guard.command(program("broker-plugin"));
            // A test machine may be slow; the plugin has no such setting, and dials one by one.
            let builder =
                builder(guard, tls, Network::Unix).broker_timeout(Duration::from_secs(60));
            let client = builder.spawn(plugin).await.unwrap();
            let broker = client.broker();
            let dials = (0..64).map(async |name| call_plugin(&client, &name.to_string()).await);
            for done in futures_util::future::join_all(dials).await {
                done.unwrap();
            }
            let calls = (0..64).map(async |name| {
                called_by_plugin(&client, &broker, &name.to_string()).await;
            });
            futures_util::future::join_all(calls).await;
            ends_well(client).await;
        }
    });
}

#[test]
fn f11_a_knock_for_a_closed_number_is_refused_and_disturbs_nobody() {
    leak_free(async |guard| {
        let client = start(guard, Tls::Auto, Network::Unix).await;
        let broker = client.broker();
        let id = get(kv(&client), "serve gone").await.unwrap();
        get(kv(&client), &format!("close {id}")).await.unwrap();
        let before = Instant::now();
        let error = broker.dial(id.parse::<u32>().unwrap()).await.unwrap_err();
        assert_eq!(error.code(), "PROTOCOL_BROKER_UNKNOWN_ID");
        // At once, and not after the patience with numbers that may still be served.
        assert!(before.elapsed() < Duration::from_secs(4));

        let served = broker.serve(Names::server("gone")).await.unwrap();
        let dial = format!("dial {} k", served.id());
        assert_eq!(get(kv(&client), &dial).await.unwrap(), "gone:k");
        served.close().await;
        let status = get(kv(&client), &dial).await.unwrap_err();
        assert!(status.message().starts_with("PROTOCOL_BROKER_UNKNOWN_ID"), "{status}");

        assert_eq!(get(kv(&client), "k").await.unwrap(), "plugin:k");
        call_plugin(&client, "one").await.unwrap();
        called_by_plugin(&client, &broker, "two").await;
        ends_well(client).await;
    });
}

#[test]
fn f12_a_squatter_that_connects_first_is_dropped_and_the_host_served() {
    leak_free(async |guard| {
        for (number, (tls, network)) in WAYS.into_iter().enumerate() {
            let mut report = Fifo::create(guard.scratch(), &format!("squatter{number}")).unwrap();
            let mut plugin = guard.command(program("squatter"));
            plugin.arg(program("broker-plugin")).env("SQUATTER_REPORT", report.path());
            let client = builder(guard, tls, network).spawn(plugin).await.unwrap();
            let dropped = timeout(Duration::from_secs(4), report.line()).await.unwrap().unwrap();
            assert_eq!(dropped, "squatter dropped");
            call_plugin(&client, "one").await.unwrap();
            called_by_plugin(&client, &client.broker(), "two").await;
            ends_well(client).await;
        }
    });
}

#[test]
fn f12_a_squatter_that_speaks_as_a_host_does_is_displaced_by_the_host() {
    leak_free(async |guard| {
        let mut report = Fifo::create(guard.scratch(), "squatter").unwrap();
        let mut plugin = guard.command(program("squatter"));
        plugin.arg(program("broker-plugin"));
        plugin.env("SQUATTER_REPORT", report.path()).env("SQUATTER_SPEAKS", "1");
        let builder = builder(guard, Tls::Plaintext, Network::Unix);
        let client = builder.spawn(plugin).await.unwrap();
        let dropped = timeout(Duration::from_secs(60), report.line()).await.unwrap().unwrap();
        assert_eq!(dropped, "squatter dropped");
        call_plugin(&client, "one").await.unwrap();
        called_by_plugin(&client, &client.broker(), "two").await;
        ends_well(client).await;
    });
}

#[test]
fn a_plugin_that_does_not_multiplex_is_refused() {
    leak_free(async |guard| {
        for field in ["", "|false", "|maybe"] {
            let line = format!("1|1|{{network}}|{{address}}|grpc|{field}");
            let plugin = evil_plugin(guard, ["listen", "unix", "line", &line, "hang"]);
            let error = refusal(builder(guard, Tls::Plaintext, Network::Unix), plugin).await;
            assert_eq!(error.code(), "HANDSHAKE_MUX_UNSUPPORTED", "{field}: {error}");
        }
    });
}

#[test]
fn a_side_channel_that_was_lost_is_dialled_again() {
    leak_free(async |guard| {
        let client = start(guard, Tls::Auto, Network::Unix).await;
        let id: u32 = get(kv(&client), "serve again").await.unwrap().parse().unwrap();
        let channel = client.broker().dial(id).await.unwrap();
        for _ in 0..5 {
            assert_eq!(get(KvClient::new(channel.clone()), "k").await.unwrap(), "again:k");
            channel.cut("the test");
        }
        ends_well(client).await;
    });
}

#[test]
fn a_new_main_connection_is_made_over_the_same_one() {
    leak_free(async |guard| {
        let client = start(guard, Tls::Auto, Network::Unix).await;
        let main = client.dispense(|channel| channel);
        for _ in 0..3 {
            main.cut("the test");
            assert_eq!(get(kv(&client), "k").await.unwrap(), "plugin:k");
        }
        // The broker's stream follows it.
        let again = async { while call_plugin(&client, "one").await.is_err() {} };
        timeout(Duration::from_secs(10), again).await.unwrap();
        ends_well(client).await;
    });
}

#[test]
fn a_dial_ends_when_the_plugin_dies_in_the_middle_of_a_knock() {
    leak_free(async |guard| {
        let client = start(guard, Tls::Auto, Network::Unix).await;
        let broker = client.broker();
        // Nobody serves it, so the plugin keeps the knock for 4 s.
        let dialling = tokio::spawn(async move { broker.dial(4711).await });
        assert_eq!(get(kv(&client), "k").await.unwrap(), "plugin:k");
        signal(client.pid(), Signal::KILL);
        let before = Instant::now();
        let error = timeout(Duration::from_secs(3), dialling).await.unwrap().unwrap().unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE", "after {:?}", before.elapsed());
        drop(client);
    });
}

#[test]
fn a_dial_that_is_dropped_leaves_the_next_one_its_stream() {
    leak_free(async |guard| {
        let client = start(guard, Tls::Plaintext, Network::Unix).await;
        let broker = client.broker();
        let first: u32 = get(kv(&client), "serve first").await.unwrap().parse().unwrap();
        let second: u32 = get(kv(&client), "serve second").await.unwrap().parse().unwrap();
        for polls in 0..20 {
            let mut dialling = Box::pin(broker.dial(first));
            for _ in 0..polls {
                if futures_util::poll!(dialling.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(dialling);
            let channel = broker.dial(second).await.unwrap();
            assert_eq!(get(KvClient::new(channel), "k").await.unwrap(), "second:k");
        }
        ends_well(client).await;
    });
}

#[test]
fn a_killed_plugin_leaves_nothing_of_its_side_channels() {
    leak_free(async |guard| {
        for (tls, network) in WAYS {
            let client = start(guard, tls, network).await;
            let broker = client.broker();
            for _ in 0..5 {
                call_plugin(&client, "one").await.unwrap();
                broker.serve(Names::server("kept")).await.unwrap().keep();
            }
            client.kill().await;
        }
    });
}

/// Nobody can reach such a plugin any more.
#[test]
fn a_plugin_that_loses_its_connection_ends_by_itself() {
    leak_free(async |guard| {
        let mut command = guard.command(program("broker-plugin"));
        command.env("RPCPLUGIN_TESTS_COOKIE", "6d2f1c").env("TMPDIR", guard.base());
        command.env("PLUGIN_MULTIPLEX_GRPC", "true");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut plugin = command.spawn().unwrap();
        let mut stdout = BufReader::new(plugin.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        assert!(line.ends_with("|grpc||true\n"), "{line}");
        let socket = line.split('|').nth(3).unwrap();
        // This process is the plugin's parent, so its connection is the one.
        drop(UnixStream::connect(socket).await.unwrap());
        let status = timeout(Duration::from_secs(10), plugin.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
    });
}
