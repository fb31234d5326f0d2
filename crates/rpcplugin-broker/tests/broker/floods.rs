use std::time::Duration;

use rpcplugin_broker::{BrokerOptions, Role};

use crate::{
    logged::Codes,
    raw::{RawHost, announcement},
    support::{Alone, Pair, Setup, ask, eventually, names, tasks, within},
};

#[tokio::test]
async fn f5_200_000_announcements_cost_1024_places() {
    let codes = Codes::new();
    let options = BrokerOptions::new().timeout(Duration::from_secs(60));
    let plugin = Alone::new(Role::Plugin, &Setup { options, ..Setup::default() });
    let raw = RawHost::new(&plugin).await;
    let waiting = tokio::spawn({
        let broker = plugin.broker.clone();
        async move { broker.dial(200_001).await }
    });
    let flood = async {
        for id in 1..=200_000 {
            raw.say.send(announcement(id, "unix", "/no/such/socket")).await.unwrap();
        }
        raw.say.send(announcement(200_001, "unix", "/no/such/socket")).await.unwrap();
    };
    within(60, flood).await;
    // The last announcement was for somebody who waited, so the bound did not concern it.
    let error = within(5, waiting).await.unwrap().unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_NOT_FOUND");
    assert_eq!(plugin.broker.counts().unclaimed, 1024);
    let lines = codes.count("PROTOCOL_BROKER_LIMIT");
    assert!((16..64).contains(&lines), "{lines} lines");

    let error = plugin.broker.dial(200_000).await.unwrap_err();
    assert_eq!(error.code(), "PROTOCOL_BROKER_LIMIT");
    assert!(error.is_retryable());
    let error = plugin.broker.dial(1024).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_NOT_FOUND", "those that came first are there");
    eventually(|| plugin.broker.counts().unclaimed == 1023).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_side_channels_leave_nothing() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = host.serve(names("warm")).await.unwrap();
    let channel = plugin.dial(served.id()).await.unwrap();
    ask(&channel, "k").await.unwrap();
    drop(channel);
    served.close().await;
    let settle = Duration::from_millis(200);
    tokio::time::sleep(settle).await;
    let before = tasks();
    for number in 0..1000 {
        let (server, dialler) = if number % 2 == 0 { (host, plugin) } else { (plugin, host) };
        let served = server.serve(names("n")).await.unwrap();
        let channel = dialler.dial(served.id()).await.unwrap();
        assert_eq!(ask(&channel, "k").await.unwrap(), "n:k");
    }
    pair.host.no_sockets().await;
    pair.plugin.no_sockets().await;
    eventually(|| tasks() <= before).await;
    for broker in [host, plugin] {
        let counts = broker.counts();
        assert_eq!((counts.served, counts.unclaimed), (0, 0));
    }
}
