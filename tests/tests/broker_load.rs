//! The broker under load: what it costs stays bounded, and nothing is left.
//!
//! Each test prints what it measured: `cargo test --test broker_load -- --nocapture` shows it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]
#![expect(clippy::print_stdout, reason = "the figures are a result")]

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::join_all, stream};
use http_body_util::Empty;
use hyper::{Response, body::Bytes, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin::{
    Client, Tls,
    client::PluginChannel,
    core::limits,
    transport::{ChannelOptions, Generation, UnixConnector},
};
use rpcplugin_proto::{
    kv::{GetRequest, kv_client::KvClient},
    plugin::{ConnInfo, grpc_broker_client::GrpcBrokerClient},
};
use rpcplugin_tests::{
    Footprint, Names, PeakMemory,
    host::{host, kv, program, signal},
    leak::{LeakGuard, leak_free},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::UnixListener,
    process::Child,
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

/// What a step may take on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(120);

async fn get(mut kv: KvClient<PluginChannel>, key: &str) -> Result<String, Status> {
    let reply = kv.get(GetRequest { key: key.to_owned() }).await?.into_inner();
    Ok(String::from_utf8(reply.value.to_vec()).unwrap())
}

/// A plugin under a host that is no library's, and where it listens.
async fn without_a_library(guard: &LeakGuard) -> (Child, PathBuf) {
    let mut command = guard.command(program("broker-plugin"));
    command.env("RPCPLUGIN_TESTS_COOKIE", "6d2f1c").env("TMPDIR", guard.base());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.kill_on_drop(true);
    let mut plugin = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(plugin.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let socket = line.split('|').nth(3).unwrap().into();
    (plugin, socket)
}

fn offer(service_id: u32, network: &str, address: &str) -> ConnInfo {
    let (network, address) = (network.to_owned(), address.to_owned());
    ConnInfo { service_id, network, address, knock: None }
}

/// Has the plugin dial this number, which leads to a listener without that service.
async fn is_dialled(kv: &KvClient<PluginChannel>, id: u32, listener: &UnixListener) {
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        let unimplemented = service_fn(async |_| {
            let answer = Response::builder().header("content-type", "application/grpc");
            answer.header("grpc-status", 12).body(Empty::<Bytes>::new())
        });
        let server = http2::Builder::new(TokioExecutor::new());
        // Until the plugin hangs up, in whatever way.
        let _ = server.serve_connection(TokioIo::new(stream), unimplemented).await;
    };
    let dial = format!("dial {id} k");
    let (answer, ()) =
        timeout(LIMIT, async { tokio::join!(get(kv.clone(), &dial), serving) }).await.unwrap();
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
}

/// Waits until the plugin holds so many offers.
async fn holds(kv: &KvClient<PluginChannel>, offers: usize) {
    let held = async {
        while get(kv.clone(), "unclaimed").await.unwrap() != offers.to_string() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, held).await.unwrap();
}

#[test]
fn f5_two_hundred_thousand_offers_of_a_host_take_the_place_of_1024() {
    const OFFERS: u32 = 200_000;
    leak_free(async |guard| {
        let (mut plugin, socket) = without_a_library(guard).await;
        let (options, pid) = (ChannelOptions::new(), plugin.id().unwrap());
        let connect = |path: PathBuf| {
            let connector = UnixConnector::new(path);
            PluginChannel::connect(connector, options.clone(), Generation::new())
        };
        let channel = connect(socket).await.unwrap();
        let kv = KvClient::new(channel.clone());
        let (say, said) = mpsc::channel(64);
        let mut broker = GrpcBrokerClient::new(channel.without_request_timeout());
        let mut hear = broker.start_stream(ReceiverStream::new(said)).await.unwrap().into_inner();
        let path = guard.scratch().join("host");
        let listener = UnixListener::bind(&path).unwrap();
        let path = path.to_str().unwrap();

        let (start, memory) = (Instant::now(), PeakMemory::of(pid));
        say.send(offer(1, "unix", path)).await.unwrap();
        for id in 2..=OFFERS {
            // A port that nobody binds.
            say.send(offer(id, "tcp", "127.0.0.1:1")).await.unwrap();
        }
        // The interest in it makes the last one known, after all that came before.
        let last = async {
            loop {
                let status = get(kv.clone(), &format!("dial {OFFERS} k")).await.unwrap_err();
                if !status.message().starts_with("TRANSPORT_BROKER_TIMEOUT") {
                    break;
                }
            }
        };
        timeout(LIMIT, last).await.unwrap();
        let (took, growth) = (start.elapsed(), memory.growth() / 1024);
        let now = Footprint::of(pid);
        println!("{OFFERS} offers in {took:.1?}: the plugin grew by {growth} KiB, to {now}");
        holds(&kv, limits::BROKER_PENDING).await;
        // All of them would be 20 MiB.
        assert!(growth < 8 * 1024, "grew by {growth} KiB");

        // The stream works as before, in both directions.
        is_dialled(&kv, 1, &listener).await;
        holds(&kv, limits::BROKER_PENDING - 1).await;
        say.send(offer(OFFERS + 1, "unix", path)).await.unwrap();
        is_dialled(&kv, OFFERS + 1, &listener).await;
        let id = get(kv.clone(), "serve side").await.unwrap();
        let heard = timeout(LIMIT, hear.message()).await.unwrap().unwrap().unwrap();
        assert_eq!((heard.service_id.to_string(), heard.network), (id, "unix".to_owned()));
        let side = connect(heard.address.into()).await.unwrap();
        assert_eq!(get(KvClient::new(side), "k").await.unwrap(), "side:k");

        drop((kv, say, hear, broker));
        signal(pid, Signal::TERM);
        let status = timeout(LIMIT, plugin.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
    });
}

/// A host and its plugin, and what they held at a moment.
struct Pair {
    client: Client,
    then: [Footprint; 2],
}

impl Pair {
    async fn start(guard: &LeakGuard, tls: Tls, multiplexed: bool) -> Self {
        let plugin = guard.command(program("broker-plugin"));
        let builder = host(guard).tls(tls).multiplex_grpc(multiplexed);
        let client = builder.broker_timeout(LIMIT).spawn(plugin).await.unwrap();
        let then = Self::both(&client);
        Self { client, then }
    }

    fn both(client: &Client) -> [Footprint; 2] {
        [Footprint::own(), Footprint::of(client.pid())]
    }

    /// Waits until both hold as few descriptors as they did, or a few more, and notes what they
    /// hold now.
    async fn settle(&mut self) {
        let settled = async {
            loop {
                let now = Self::both(&self.client);
                let mut both = now.iter().zip(&self.then);
                if both.all(|(now, then)| now.descriptors <= then.descriptors + 4) {
                    break now;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let settled = timeout(Duration::from_secs(20), settled).await;
        self.then = settled.unwrap_or_else(|_| {
            panic!("descriptors: {:?} before, {:?} now", self.then, Self::both(&self.client))
        });
    }

    /// Runs that, prints what it cost, and refuses that either side keeps more of it.
    async fn measure(&mut self, what: &str, most_kibibytes: u64, load: impl AsyncFnOnce(&Client)) {
        let (start, [host, plugin]) = (Instant::now(), self.then);
        load(&self.client).await;
        let took = start.elapsed();
        self.settle().await;
        let [host_now, plugin_now] = self.then;
        println!("{what} in {took:.1?}: host {host} → {host_now}, plugin {plugin} → {plugin_now}");
        for (before, now) in [(host, host_now), (plugin, plugin_now)] {
            let growth = now.kibibytes.saturating_sub(before.kibibytes);
            assert!(growth < most_kibibytes, "{what}: {before} became {now}");
        }
    }
}

/// Opens a side channel in each direction, calls over it, and closes it.
async fn both_ways(client: &Client) {
    let served = client.broker().serve(Names::server("host")).await.unwrap();
    let answer = get(kv(client), &format!("dial {} k", served.id())).await.unwrap();
    assert_eq!(answer, "host:k");
    served.close().await;
    let id = get(kv(client), "serve plugin").await.unwrap();
    let channel = client.broker().dial(id.parse::<u32>().unwrap()).await.unwrap();
    assert_eq!(get(KvClient::new(channel), "k").await.unwrap(), "plugin:k");
    get(kv(client), &format!("close {id}")).await.unwrap();
}

/// So many side channels, some dozens at a time, half of them in each direction.
async fn open_and_close(client: &Client, channels: usize) {
    stream::iter(0..channels / 2).for_each_concurrent(32, |_| both_ways(client)).await;
}

#[test]
fn ten_thousand_side_channels_leave_nothing() {
    leak_free(async |guard| {
        for (tls, channels) in [(Tls::Plaintext, 9000), (Tls::Auto, 1000)] {
            let name = format!("{channels} side channels ({tls:?})");
            let mut pair = Pair::start(guard, tls, false).await;
            // Allocators, pools and tables grow to their size.
            open_and_close(&pair.client, 500).await;
            pair.settle().await;
            // A kibibyte that each of 9000 keeps is twice as much.
            let load = async |client: &Client| open_and_close(client, channels).await;
            pair.measure(&name, 4 * 1024, load).await;
            let counts = pair.client.broker().counts();
            assert_eq!((counts.served, counts.unclaimed), (0, 0));
            assert_eq!(get(kv(&pair.client), "unclaimed").await.unwrap(), "0");
            pair.client.shutdown().await.unwrap();
        }
    });
}

/// Dials 64 numbers at once over one connection, calls over all of them, and closes them.
async fn dial_64(client: &Client, descriptors: usize) {
    let dials = (0..64).map(async |name| {
        let id = get(kv(client), &format!("serve {name}")).await.unwrap();
        let channel = client.broker().dial(id.parse::<u32>().unwrap()).await.unwrap();
        let answer = get(KvClient::new(channel.clone()), "k").await.unwrap();
        assert_eq!(answer, format!("{name}:k"));
        (id, channel)
    });
    let open = join_all(dials).await;
    let now = Footprint::own().descriptors;
    assert!(now <= descriptors, "{now} descriptors, and {descriptors} before");
    for (id, channel) in open {
        drop(channel);
        get(kv(client), &format!("close {id}")).await.unwrap();
    }
}

#[test]
fn sixty_four_multiplexed_dials_again_and_again_leave_nothing() {
    leak_free(async |guard| {
        for tls in [Tls::Plaintext, Tls::Auto] {
            let name = format!("5 times 64 multiplexed dials ({tls:?})");
            let mut pair = Pair::start(guard, tls, true).await;
            let descriptors = pair.then[0].descriptors + 4;
            // Allocators, pools and tables grow to their size.
            for _ in 0..4 {
                dial_64(&pair.client, descriptors).await;
            }
            pair.settle().await;
            let load = async |client: &Client| {
                for _ in 0..5 {
                    dial_64(client, descriptors).await;
                }
            };
            pair.measure(&name, 2 * 1024, load).await;
            pair.client.shutdown().await.unwrap();
        }
    });
}
