use std::time::Duration;

use rpcplugin_broker::Protection;
use rpcplugin_broker::{Broker, BrokerOptions};
use rpcplugin_core::limits;
use rpcplugin_core::{Address, Error};
use rpcplugin_tls::{Identity, IdentityParams};
use rpcplugin_transport::{
    EndReason, Listener as _, TcpBind, TcpConnector, TcpListener, UnixBind, UnixConnector,
    UnixListener,
};

use crate::{
    pair::MuxPair,
    support::{Setup, ask, eventually, names, tasks, within},
};

fn identity() -> Identity {
    Identity::generate(&IdentityParams::default()).unwrap()
}

fn tls(own: &Identity, other: &Identity) -> Protection {
    Protection::mutual(
        own,
        other.certificate(),
        rpcplugin_tls::TlsVersion::default(),
        limits::CONNECTION_TIMEOUT,
    )
    .unwrap()
}

fn mutual() -> Setup {
    let (host, plugin) = (identity(), identity());
    Setup { protection: [tls(&host, &plugin), tls(&plugin, &host)], ..Setup::default() }
}

async fn both_ways(pair: &MuxPair) {
    let (host, plugin) = pair.brokers();
    for (server, dialler) in [(host, plugin), (plugin, host)] {
        let served = server.serve(names("one")).await.unwrap();
        let channel = dialler.dial(served.id()).await.unwrap();
        assert_eq!(ask(&channel, "key").await.unwrap(), "one:key");
        served.close().await;
    }
}

#[tokio::test]
async fn each_side_calls_what_the_other_serves() {
    for setup in [Setup::default(), mutual()] {
        let pair = within(10, MuxPair::new(setup)).await;
        within(10, both_ways(&pair)).await;
        assert_eq!((pair.host.alone.sockets(), pair.plugin.alone.sockets()), (0, 0));
    }
}

#[tokio::test]
async fn each_side_calls_what_the_other_serves_over_a_unix_socket() {
    for setup in [Setup::default(), mutual()] {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(&UnixBind::new().dir(directory.path())).unwrap();
        let Address::Unix(path) = listener.address() else { unreachable!() };
        let pair = within(10, MuxPair::over(setup, UnixConnector::new(&path), listener)).await;
        within(10, both_ways(&pair)).await;
        eventually(|| !path.exists()).await;
    }
}

#[tokio::test]
async fn each_side_calls_what_the_other_serves_over_tcp() {
    for setup in [Setup::default(), mutual()] {
        let listener = TcpListener::bind(&TcpBind::default()).unwrap();
        let Address::Tcp(address) = listener.address() else { unreachable!() };
        let connector = TcpConnector::new(address);
        let pair = within(10, MuxPair::over(setup, connector, listener)).await;
        within(10, both_ways(&pair)).await;
    }
}

async fn serve_and_dial(server: &Broker, dialler: &Broker, name: usize) -> Result<(), Error> {
    let served = server.serve(names(name.to_string())).await?;
    let channel = dialler.dial(served.id()).await?;
    assert_eq!(ask(&channel, "k").await.unwrap(), format!("{name}:k"));
    Ok(())
}

#[tokio::test]
async fn f13_64_dials_each_way_at_once_reach_what_they_mean() {
    for setup in [Setup::default(), mutual()] {
        let options = BrokerOptions::new().timeout(Duration::from_secs(60));
        let pair = MuxPair::new(Setup { options, ..setup }).await;
        let (host, plugin) = pair.brokers();
        let all = (0..64).flat_map(|name| {
            [serve_and_dial(host, plugin, name), serve_and_dial(plugin, host, name)]
        });
        let done = within(60, futures_util::future::join_all(all)).await;
        for result in done {
            result.unwrap();
        }
    }
}

#[tokio::test]
async fn a_lost_side_channel_is_dialled_again_with_another_knock() {
    let pair = MuxPair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let reserved = plugin.next_id();
    let served = reserved.serve(names("first")).await.unwrap();
    let channel = host.dial(served.id()).await.unwrap();
    for round in 0..5 {
        assert_eq!(ask(&channel, &round.to_string()).await.unwrap(), format!("first:{round}"));
        channel.cut("the test");
        // A cut connection ends the next call at most; the one after that is on another one.
        let _ = ask(&channel, "cut").await;
    }
    assert_eq!(ask(&channel, "k").await.unwrap(), "first:k");
}

#[tokio::test]
async fn a_new_main_connection_leaves_the_multiplexed_one_as_it_is() {
    let pair = MuxPair::new(Setup::default()).await;
    for _ in 0..5 {
        pair.connect().await;
        let (host, plugin) = pair.brokers();
        // Either side may still be about to learn of the new stream of the broker.
        for (server, dialler) in [(host, plugin), (plugin, host)] {
            let called = async { while serve_and_dial(server, dialler, 0).await.is_err() {} };
            within(10, called).await;
        }
    }
}

#[tokio::test]
async fn a_large_message_passes_while_others_are_served() {
    let pair = MuxPair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = plugin.serve(names("large")).await.unwrap();
    let channel = host.dial(served.id()).await.unwrap();
    let key = "x".repeat(3 * 1024 * 1024);
    let large = ask(&channel, &key);
    let small = async {
        for _ in 0..20 {
            both_ways(&pair).await;
        }
    };
    let (answer, ()) = within(60, async { tokio::join!(large, small) }).await;
    assert_eq!(answer.unwrap().len(), key.len() + "large:".len());
}

#[tokio::test]
async fn everything_ends_with_either_generation() {
    for host_ends in [true, false] {
        let before = tasks();
        let pair = MuxPair::new(Setup::default()).await;
        let (host, plugin) = pair.brokers();
        let kept = plugin.serve(names("kept")).await.unwrap().keep();
        let channel = host.dial(kept).await.unwrap();
        assert_eq!(ask(&channel, "k").await.unwrap(), "kept:k");
        let (first, second) = match host_ends {
            true => (&pair.host, &pair.plugin),
            false => (&pair.plugin, &pair.host),
        };
        first.alone.generation.end(EndReason::ShutDown);
        within(5, second.multiplexer.ended()).await;
        within(5, first.multiplexer.ended()).await;
        assert!(ask(&channel, "k").await.is_err());
        second.alone.generation.end(EndReason::ShutDown);
        drop((pair, channel));
        eventually(|| tasks() == before).await;
    }
}

#[tokio::test]
async fn closing_lets_what_was_sent_arrive() {
    let pair = MuxPair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = host.serve(names("host")).await.unwrap();
    let channel = plugin.dial(served.id()).await.unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "host:k");
    within(5, pair.plugin.multiplexer.close()).await;
    within(5, pair.host.multiplexer.ended()).await;
    let error = host.dial(1).await.unwrap_err();
    assert!(error.code().starts_with("TRANSPORT_"), "{error}");
}

/// A host in Go ends the session if its pings, every 30 s, get no answer within 10 s.
#[tokio::test]
async fn pings_are_answered_while_nothing_else_happens() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (connector, listener) = rpcplugin_transport::memory::pair();
    let (_plugin, _serving) = crate::pair::MuxSide::plugin(&Setup::default(), listener);
    let mut io = crate::pair::dialled(connector).await.io;
    let ping = [0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
    let pong = [0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7];
    io.write_all(&ping).await.unwrap();
    let mut answer = [0; 12];
    within(5, async {
        // Its own first ping comes before or after.
        loop {
            io.read_exact(&mut answer).await.unwrap();
            if answer == pong {
                break;
            }
            assert_eq!(answer[..4], [0, 2, 0, 1], "nothing else is sent");
        }
    })
    .await;
}
