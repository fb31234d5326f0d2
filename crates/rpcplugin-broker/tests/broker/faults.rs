//! The rows of the fault catalogue, group F, that concern side channels with listeners of their
//! own.

use std::time::Duration;

use rpcplugin_broker::{Broker, Protection, Role};
use rpcplugin_proto::plugin::{ConnInfo, conn_info::Knock};
use rpcplugin_transport::EndReason;
use tokio::time::Instant;

use crate::{
    logged::Codes,
    raw::RawHost,
    support::{Alone, Pair, Setup, TestSide, ask, eventually, names, tasks, within},
};

#[tokio::test(start_paused = true)]
async fn f1_an_id_that_nobody_serves_times_out_after_5_s() {
    let pair = Pair::new(Setup::default()).await;
    let start = Instant::now();
    let error = pair.host.broker.dial(999).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_BROKER_TIMEOUT");
    assert_eq!(error.to_string(), "side channel 999 was not offered within 5s");
    let took = start.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_millis(5300)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn f2_a_dial_may_come_long_after_the_announcement() {
    let pair = Pair::new(Setup::default()).await;
    let served = pair.plugin.broker.serve(names("patient")).await.unwrap();
    eventually(|| pair.host.broker.counts().unclaimed == 1).await;
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(6)).await;
    tokio::time::resume();
    let channel = pair.host.broker.dial(served.id()).await.unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "patient:k");
}

async fn serve_20(broker: &Broker) {
    for _ in 0..20 {
        broker.serve(names("unused")).await.unwrap().keep();
    }
}

#[tokio::test]
async fn f3_services_that_were_never_dialled_go_with_the_stream() {
    let before = tasks();
    let pair = Pair::new(Setup::default()).await;
    serve_20(&pair.host.broker).await;
    serve_20(&pair.plugin.broker).await;
    assert_eq!((pair.host.sockets(), pair.plugin.sockets()), (20, 20));
    let start = Instant::now();
    let Pair { host, plugin, serving, running } = pair;
    drop(serving);
    host.no_sockets().await;
    plugin.no_sockets().await;
    drop(running);
    eventually(|| tasks() == before).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!((host.broker.counts().served, plugin.broker.counts().served), (0, 0));
}

#[tokio::test]
async fn f3_services_that_were_never_dialled_go_with_the_shutdown() {
    let before = tasks();
    let pair = Pair::new(Setup::default()).await;
    let mut held = Vec::new();
    for broker in [&pair.host.broker, &pair.plugin.broker] {
        for _ in 0..20 {
            held.push(broker.serve(names("unused")).await.unwrap());
        }
    }
    let start = Instant::now();
    pair.host.generation.end(EndReason::ShutDown);
    pair.plugin.generation.end(EndReason::ShutDown);
    pair.host.no_sockets().await;
    pair.plugin.no_sockets().await;
    let Pair { serving, running, .. } = pair;
    drop((serving, running));
    eventually(|| tasks() == before).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    drop(held);
}

#[tokio::test]
async fn f4_a_second_announcement_is_logged_and_the_live_link_unharmed() {
    let codes = Codes::new();
    let plugin = Alone::new(Role::Plugin, &Setup::default());
    let raw = RawHost::new(&plugin).await;
    let other = Pair::new(Setup::default()).await;
    let _served = other.host.broker.serve(names("first")).await.unwrap();
    let path = std::fs::read_dir(other.host.directory.path()).unwrap().next().unwrap().unwrap();
    let path = path.path();

    raw.announce(7, "unix", path.to_str().unwrap()).await;
    raw.announce(7, "tcp", "127.0.0.1:9").await;
    let first = plugin.broker.dial(7).await.unwrap();
    raw.announce(7, "tcp", "127.0.0.1:9").await;
    eventually(|| codes.count("PROTOCOL_BROKER_DUPLICATE") == 2).await;
    let second = plugin.broker.dial(7).await.unwrap();
    for channel in [first, second] {
        assert_eq!(ask(&channel, "k").await.unwrap(), "first:k");
    }
}

#[tokio::test]
async fn f6_a_foreign_address_is_refused_before_a_byte_is_sent() {
    let setup = Setup::default();
    let directory = tempfile::tempdir().unwrap();
    let side = TestSide {
        role: Role::Plugin,
        directory: Some(directory.path().to_owned()),
        protection: Protection::Plaintext,
        only_inside: Some(directory.path().to_owned()),
    };
    let generation = rpcplugin_transport::Generation::new();
    let broker = Broker::new(side, setup.options, generation.clone());
    let plugin = Alone { directory, generation, broker };
    let raw = RawHost::new(&plugin).await;

    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("victim");
    let victim = tokio::net::UnixListener::bind(&path).unwrap();
    raw.announce(1, "unix", path.to_str().unwrap()).await;
    raw.announce(2, "tcp", "192.0.2.1:443").await;
    let start = Instant::now();
    for id in [1, 2] {
        let error = plugin.broker.dial(id).await.unwrap_err();
        assert_eq!(error.code(), "SECURITY_ADDRESS_FORBIDDEN");
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    let mut accepting = std::pin::pin!(victim.accept());
    assert!(futures_util::poll!(accepting.as_mut()).is_pending(), "somebody connected");
}

#[tokio::test]
async fn f7_messages_without_a_meaning_are_logged_and_ignored() {
    let codes = Codes::new();
    let plugin = Alone::new(Role::Plugin, &Setup::default());
    let mut raw = RawHost::new(&plugin).await;
    let knock = |knock, ack| Some(Knock { knock, ack, error: "x".into() });
    let strange = [
        ConnInfo::default(),
        ConnInfo { service_id: 1, network: "quic".into(), ..ConnInfo::default() },
        ConnInfo { service_id: 1, network: "unix".into(), ..ConnInfo::default() },
        ConnInfo { knock: knock(true, false), ..ConnInfo::default() },
        ConnInfo { service_id: 1, knock: knock(true, true), ..ConnInfo::default() },
    ];
    let count = strange.len();
    for message in strange {
        raw.say.send(message).await.unwrap();
    }
    eventually(|| codes.count("PROTOCOL_BROKER_MESSAGE") == count).await;
    assert_eq!(plugin.broker.counts().unclaimed, 0);
    let served = plugin.broker.serve(names("alive")).await.unwrap();
    let heard = within(2, raw.hear.message()).await.unwrap().unwrap();
    assert_eq!(heard.service_id, served.id().get());
}

#[tokio::test(start_paused = true)]
async fn f9_without_a_hosts_stream_a_plugin_gives_up_after_5_s() {
    let plugin = Alone::new(Role::Plugin, &Setup::default());
    for round in 0..2 {
        let start = Instant::now();
        let error = match round {
            0 => plugin.broker.serve(names("early")).await.map(drop).unwrap_err(),
            _ => plugin.broker.dial(1).await.map(drop).unwrap_err(),
        };
        assert_eq!(error.code(), "TRANSPORT_BROKER_UNAVAILABLE");
        assert_eq!(error.to_string(), "no broker to talk to: the host has not opened its stream");
        assert_eq!(start.elapsed().as_secs(), 5);
    }
    assert_eq!((plugin.sockets(), plugin.broker.counts().served), (0, 0));
}

#[tokio::test]
async fn f9_a_plugin_waits_for_its_hosts_stream() {
    let plugin = Alone::new(Role::Plugin, &Setup::default());
    let serving = tokio::spawn({
        let broker = plugin.broker.clone();
        async move { broker.serve(names("early")).await }
    });
    tokio::task::yield_now().await;
    let mut raw = RawHost::new(&plugin).await;
    let served = within(2, serving).await.unwrap().unwrap();
    let heard = within(2, raw.hear.message()).await.unwrap().unwrap();
    assert_eq!((heard.service_id, &*heard.network), (served.id().get(), "unix"));
    assert!(std::path::Path::new(&heard.address).exists(), "it listens before it is announced");
}
