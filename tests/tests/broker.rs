//! Side channels between host and plugin: `docs/faults.md` D15, F.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rpcplugin::{
    Client, Tls,
    core::{Address, Network},
    transport::{ChannelOptions, Generation, PluginChannel, UnixConnector},
};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_tests::{
    Event, Events, Mirror, PeakMemory,
    host::{evil_plugin, host, probe, signal, test_plugin},
    leak::{LeakGuard, Runtime, leak_free, leak_free_on},
    stranger::{self, Papers},
};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, BufReader};

const ANSWER: &[u8] = b"over a side channel";

/// The plugin dials what the host serves, and the host what the plugin serves.
async fn both_ways(client: &Client) {
    let served = client.broker().serve(Mirror::new()).await.unwrap();
    let mut probe = probe(client);
    let reply = probe.dial(served.id().get()).await.unwrap();
    assert_eq!(reply.into_inner(), ANSWER);
    served.close().await;
    let id = probe.serve(()).await.unwrap().into_inner();
    let channel = client.broker().dial(id).await.unwrap();
    let reply = ProbeClient::new(channel).echo(b"there and back".to_vec()).await.unwrap();
    assert_eq!(reply.into_inner(), b"there and back");
}

#[test]
fn each_side_calls_what_the_other_serves_over_every_transport() {
    for runtime in [Runtime::CurrentThread, Runtime::MultiThread] {
        leak_free_on(runtime, async |guard| {
            for network in [Network::Unix, Network::Tcp] {
                for tls in [Tls::Auto, Tls::Plaintext] {
                    let builder = host(guard).transports([network]).tls(tls);
                    let client = builder.spawn(test_plugin(guard)).await.unwrap();
                    for _ in 0..3 {
                        both_ways(&client).await;
                    }
                    client.shutdown().await.unwrap();
                }
            }
        });
    }
}

/// What the plugin answers within 5.3 s: before another call to it that sleeps so long, which was
/// sent after this one and is as late as this one where the machine is busy.
async fn plugin_within_5300_ms<T>(
    mut probe: ProbeClient<PluginChannel>,
    call: impl AsyncFnOnce(&mut ProbeClient<PluginChannel>) -> T,
) -> T {
    let mut sleeper = probe.clone();
    tokio::select! {
        biased;
        end = call(&mut probe) => end,
        slept = sleeper.sleep(5300) => panic!("no answer within 5.3 s: {slept:?}"),
    }
}

#[test]
fn f1_an_id_that_nobody_serves_times_out() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let start = Instant::now();
        let broker = client.broker();
        // A timer of this process is as late as the dial where the machine is busy.
        let ours = async {
            let end = tokio::time::timeout(Duration::from_millis(5300), broker.dial(999)).await;
            (end.expect("within 5.3 s"), start.elapsed())
        };
        let theirs = async {
            let dial = plugin_within_5300_ms(probe(&client), async |probe| probe.dial(999).await);
            (dial.await, start.elapsed())
        };
        let ((ours, ours_took), (theirs, theirs_took)) = tokio::join!(ours, theirs);
        assert_eq!(ours.unwrap_err().code(), "TRANSPORT_BROKER_TIMEOUT");
        let theirs = theirs.unwrap_err();
        assert!(theirs.message().starts_with("TRANSPORT_BROKER_TIMEOUT"), "{theirs:?}");
        for took in [ours_took, theirs_took] {
            assert!(took >= Duration::from_secs(5), "{took:?}");
        }
        client.shutdown().await.unwrap();
    });
}

#[test]
fn f2_an_offer_can_be_claimed_six_seconds_later() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let mut probe = probe(&client);
        let served = client.broker().serve(Mirror::new()).await.unwrap();
        let id = probe.serve(()).await.unwrap().into_inner();
        // More than the time that go-plugin remembers an offer.
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(probe.dial(served.id().get()).await.unwrap().into_inner(), ANSWER);
        let channel = client.broker().dial(id).await.unwrap();
        ProbeClient::new(channel).echo(vec![]).await.unwrap();
        client.shutdown().await.unwrap();
    });
}

fn sockets(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

fn directory(client: &Client) -> PathBuf {
    match client.address() {
        Address::Unix(path) => path.parent().unwrap().to_owned(),
        other => panic!("{other}"),
    }
}

#[test]
fn f3_side_channels_that_nobody_dials_end_with_the_plugin() {
    leak_free(async |guard| {
        for kills in [false, true] {
            let part = guard.nested();
            let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
            let directory = directory(&client);
            let before = sockets(&directory);
            let mut served = Vec::new();
            for _ in 0..20 {
                probe(&client).serve(()).await.unwrap();
                served.push(client.broker().serve(Mirror::new()).await.unwrap());
            }
            assert_eq!(sockets(&directory), before + 40);
            let broker = client.broker();
            if kills {
                signal(client.pid(), Signal::KILL);
                let _ = client.exited().await;
            } else {
                client.shutdown().await.unwrap();
            }
            assert_eq!((sockets(&directory), broker.counts().served), (0, 0));
            drop(served);
            part.check().await;
        }
    });
}

/// A plugin whose broker announces what the script says.
async fn announcing(guard: &LeakGuard, script: &str) -> Client {
    let line = "1|{version}|{network}|{address}|grpc|";
    let manner = format!("announce:{script}");
    let words = ["listen", "unix", "serve", &manner, "line", line, "hang"];
    host(guard).tls(Tls::Plaintext).spawn(evil_plugin(guard, words)).await.unwrap()
}

/// Whether this tells that a message was ignored for this reason, the so many that was.
fn is_ignored(event: &Event, code: &str, count: u32) -> bool {
    let fields = [format!("code={code:?}"), format!("count={count}")];
    fields.iter().all(|field| event.fields.contains(field))
}

#[test]
fn f4_a_second_offer_of_a_live_id_changes_nothing() {
    leak_free(async |guard| {
        let events = Events::record();
        let client = announcing(guard, "5=unix={address};5=tcp=127.0.0.1:1;6=unix={address}").await;
        // The last one has come, and so has the second.
        client.broker().dial(6).await.unwrap();
        events.wait_for(|event| is_ignored(event, "PROTOCOL_BROKER_DUPLICATE", 1)).await;
        // Two dials of the live one, each with a connection of its own.
        let broker = client.broker();
        let (one, other) = tokio::join!(broker.dial(5), broker.dial(5));
        for channel in [one.unwrap(), other.unwrap()] {
            let status = ProbeClient::new(channel).echo(vec![]).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::Unimplemented, "it answers");
        }
        client.shutdown().await.unwrap();
    });
}

#[test]
fn f5_two_hundred_thousand_offers_take_the_place_of_1024() {
    leak_free(async |guard| {
        let memory = PeakMemory::start();
        let client = announcing(guard, "flood=200000;200001=unix={address}").await;
        // The interest in it makes this one known, after all that came before.
        let broker = client.broker();
        let last = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                match broker.dial(200_001).await {
                    Err(error) if error.code() == "TRANSPORT_BROKER_TIMEOUT" => {}
                    other => break other,
                }
            }
        });
        last.await.unwrap().unwrap();
        assert_eq!(broker.counts().unclaimed, 1024);
        let error = broker.dial(200_000).await.unwrap_err();
        assert_eq!(error.code(), "PROTOCOL_BROKER_LIMIT");
        let error = broker.dial(1).await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_REFUSED", "one of those that were kept");
        assert!(memory.growth() < 32 << 20, "grew by {}", memory.growth());
        client.shutdown().await.unwrap();
    });
}

/// By this process's timers: a machine that does not let it run delays both.
async fn within_a_second<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(1), future).await.expect("within a second")
}

#[test]
fn f6_a_foreign_address_is_not_dialled() {
    leak_free(async |guard| {
        let path = guard.scratch().join("victim");
        let victim = tokio::net::UnixListener::bind(&path).unwrap();
        let script = format!("1=unix={};2=tcp=192.0.2.1:80;3=unix={{address}}", path.display());
        let client = announcing(guard, &script).await;
        // The last one has come, and so have the others.
        client.broker().dial(3).await.unwrap();
        for id in [1, 2] {
            let error = within_a_second(client.broker().dial(id)).await.unwrap_err();
            assert_eq!(error.code(), "SECURITY_ADDRESS_FORBIDDEN");
        }
        let nobody = futures_util::FutureExt::now_or_never(victim.accept());
        assert!(nobody.is_none(), "{nobody:?}");
        client.shutdown().await.unwrap();
        drop(victim);
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn f6_a_loopback_port_of_somebody_else_gets_no_byte() {
    leak_free(async |guard| {
        let victim = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let script = format!("1=tcp={};2=unix={{address}}", victim.local_addr().unwrap());
        let client = announcing(guard, &script).await;
        client.broker().dial(2).await.unwrap();
        let error = within_a_second(client.broker().dial(1)).await.unwrap_err();
        assert_eq!(error.code(), "SECURITY_PEER_CREDENTIALS");
        let (mut stream, _) = victim.accept().await.unwrap();
        let mut bytes = Vec::new();
        // It was closed, in whatever way.
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes).await;
        assert!(bytes.is_empty(), "{bytes:?}");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn f7_unreadable_messages_are_logged_and_ignored() {
    leak_free(async |guard| {
        let events = Events::record();
        let script = "3=quic=/s;0==;knock=0;knock=4;7=unix={address}";
        let client = announcing(guard, script).await;
        client.broker().dial(7).await.unwrap();
        events.wait_for(|event| is_ignored(event, "PROTOCOL_BROKER_MESSAGE", 4)).await;
        client.shutdown().await.unwrap();
    });
}

#[test]
fn f9_serving_without_the_hosts_stream_is_unavailable() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        command.env("RPCPLUGIN_TESTS_COOKIE", "6d2f1c").env("TMPDIR", guard.base());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut plugin = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(plugin.stdout.take().unwrap());
        stdout.read_line(&mut line).await.unwrap();
        let socket: PathBuf = line.split('|').nth(3).unwrap().into();
        let options = ChannelOptions::default();
        let connector = UnixConnector::new(&socket);
        let channel = PluginChannel::connect(connector, options, Generation::new()).await.unwrap();
        let probe = ProbeClient::new(channel);
        let (serve, dial) = tokio::join!(
            plugin_within_5300_ms(probe.clone(), async |probe| probe.serve(()).await),
            plugin_within_5300_ms(probe.clone(), async |probe| probe.dial(1).await),
        );
        for status in [serve.map(|_| ()), dial.map(|_| ())].map(Result::unwrap_err) {
            assert!(status.message().starts_with("TRANSPORT_BROKER_UNAVAILABLE"), "{status:?}");
        }
        drop(probe);
        signal(plugin.id().unwrap(), Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_secs(5), plugin.wait()).await;
        assert_eq!(ended.unwrap().unwrap().code(), Some(0));
        assert!(!socket.exists());
    });
}

#[test]
fn d15_a_stranger_reaches_no_side_channel() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let directory = directory(&client);
        let main = client.address().clone();
        let others = || {
            let all = std::fs::read_dir(&directory).unwrap();
            all.map(|entry| Address::Unix(entry.unwrap().path())).filter(|found| *found != main)
        };
        let before: Vec<_> = others().collect();
        let served = client.broker().serve(Mirror::new()).await.unwrap();
        probe(&client).serve(()).await.unwrap();
        let sides: Vec<_> = others().filter(|found| !before.contains(found)).collect();
        assert_eq!(sides.len(), 2, "the host's and the plugin's");
        let echo = "/rpcplugin.probe.v1.Probe/Echo";
        for address in &sides {
            for certificate in [client.host_certificate(), client.peer_certificate()] {
                for papers in [Papers::Plaintext, Papers::None, Papers::Own] {
                    let call = stranger::call_at(address, certificate, papers, echo, &[]);
                    let call = within_a_second(call).await;
                    assert!(call.is_err(), "{papers:?}: {call:?}");
                }
            }
        }
        assert_eq!(probe(&client).dial(served.id().get()).await.unwrap().into_inner(), ANSWER);
        drop(served);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_broker_outlives_a_lost_connection() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        both_ways(&client).await;
        client.channel().cut("the test");
        // The next stream follows within its time; until then what depends on the old one fails.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            let Ok(served) = client.broker().serve(Mirror::new()).await else { continue };
            if probe(&client).dial(served.id().get()).await.is_ok() {
                both_ways(&client).await;
                client.shutdown().await.unwrap();
                return;
            }
        }
        panic!("no stream of the broker after {:?}", start.elapsed());
    });
}
