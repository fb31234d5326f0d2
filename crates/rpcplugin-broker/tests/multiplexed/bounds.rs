//! What one side may make the other keep.

use rpcplugin_broker::BrokerOptions;

use crate::{
    pair::MuxPair,
    raw::{RawHost, knock},
    support::{Setup, ask, names, within},
};

#[tokio::test]
async fn connections_beyond_256_fail_and_the_others_live() {
    let pair = MuxPair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = plugin.serve(names("one")).await.unwrap();
    let first = host.dial(served.id()).await.unwrap();
    let mut channels = Vec::new();
    for _ in 0..300 {
        match within(10, host.dial(served.id())).await {
            Ok(channel) => channels.push(channel),
            Err(error) => assert_eq!(error.code(), "TRANSPORT_RESOURCES"),
        }
    }
    assert_eq!(channels.len(), 254, "the main connection and the first channel take two");
    assert_eq!(ask(&first, "k").await.unwrap(), "one:k");
    assert_eq!(ask(&channels[253], "k").await.unwrap(), "one:k");

    // The other direction has places of its own.
    let own = host.serve(names("host")).await.unwrap();
    let channel = plugin.dial(own.id()).await.unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "host:k");

    // What is closed gives its place back.
    drop(channels);
    let called = async {
        loop {
            if let Ok(channel) = host.dial(served.id()).await
                && ask(&channel, "k").await.is_ok()
            {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    within(10, called).await;
    assert_eq!(ask(&first, "k").await.unwrap(), "one:k");
}

#[tokio::test]
async fn knocks_whose_streams_never_come_are_bounded() {
    let options = BrokerOptions::new().max_pending(3);
    let mut host = RawHost::new(&Setup { options, ..Setup::default() }).await;
    let broker = host.plugin.broker().clone();
    let served = broker.serve(names("one")).await.unwrap();
    for _ in 0..3 {
        host.knock(served.id().get()).await;
        assert_eq!(host.hear().await, knock(1, true, ""));
    }
    host.knock(served.id().get()).await;
    assert!(host.hears_nothing().await, "a fourth promise");
    // One that is kept makes room for another.
    assert_eq!(ask(&host.open().await, "k").await.unwrap(), "one:k");
    host.knock(served.id().get()).await;
    assert_eq!(host.hear().await, knock(1, true, ""));
}

#[tokio::test(start_paused = true)]
async fn knocks_that_are_held_hold_up_no_answer() {
    let mut host = RawHost::new(&Setup::default()).await;
    let served = host.plugin.broker().serve(names("one")).await.unwrap();
    for id in 100..140 {
        host.knock(id).await;
    }
    host.knock(served.id().get()).await;
    assert_eq!(host.hear().await, knock(1, true, ""), "no refusal comes before it");
}
