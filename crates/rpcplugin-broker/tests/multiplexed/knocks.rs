use std::time::Duration;

use rpcplugin_broker::BrokerOptions;
use rpcplugin_proto::plugin::ConnInfo;
use rpcplugin_transport::ChannelOptions;
use tokio::time::Instant;

use crate::{
    pair::MuxPair,
    raw::{RawHost, knock},
    support::{Setup, ask, names, within},
};

fn refusal(id: u32) -> ConnInfo {
    knock(id, true, &format!("nobody offers side channel {id}"))
}

#[tokio::test]
async fn f11_a_knock_for_a_closed_number_is_refused_at_once_and_disturbs_nobody() {
    let pair = MuxPair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let lives = plugin.serve(names("lives")).await.unwrap();
    let channel = host.dial(lives.id()).await.unwrap();
    let closed = plugin.serve(names("closed")).await.unwrap();
    let id = closed.id();
    closed.close().await;
    let error = within(3, host.dial(id)).await.unwrap_err();
    assert_eq!(error.code(), "PROTOCOL_BROKER_UNKNOWN_ID");
    assert_eq!(ask(&channel, "k").await.unwrap(), "lives:k");
    let again = host.dial(lives.id()).await.unwrap();
    assert_eq!(ask(&again, "k").await.unwrap(), "lives:k");
}

#[tokio::test(start_paused = true)]
async fn a_knock_for_a_number_that_nobody_serves_is_refused_after_4_s() {
    let pair = MuxPair::new(Setup::default()).await;
    let start = Instant::now();
    let error = pair.host.broker().dial(999).await.unwrap_err();
    assert_eq!(error.code(), "PROTOCOL_BROKER_UNKNOWN_ID");
    let took = start.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_millis(4300)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_knock_may_come_before_its_number_is_served() {
    let mut host = RawHost::new(&Setup::default()).await;
    host.knock(1).await;
    assert!(host.hears_nothing().await);
    let served = host.plugin.broker().serve(names("late")).await.unwrap();
    assert_eq!((served.id().get(), host.hear().await), (1, knock(1, true, "")));
    assert_eq!(ask(&host.open().await, "k").await.unwrap(), "late:k");
}

#[tokio::test]
async fn a_held_knock_holds_up_no_other() {
    let mut host = RawHost::new(&Setup::default()).await;
    let served = host.plugin.broker().serve(names("one")).await.unwrap();
    host.knock(77).await;
    host.knock(served.id().get()).await;
    assert_eq!(host.hear().await, knock(1, true, ""));
    assert_eq!(ask(&host.open().await, "k").await.unwrap(), "one:k");
}

#[tokio::test]
async fn streams_reach_their_numbers_in_the_order_of_the_answers() {
    let mut host = RawHost::new(&Setup::default()).await;
    let broker = host.plugin.broker().clone();
    let one = broker.serve(names("one")).await.unwrap();
    let two = broker.serve(names("two")).await.unwrap();
    for id in [2, 1, 2] {
        host.knock(id).await;
        assert_eq!(host.hear().await, knock(id, true, ""));
    }
    for name in ["two:k", "one:k", "two:k"] {
        assert_eq!(ask(&host.open().await, "k").await.unwrap(), name);
    }
    drop((one, two));
}

#[tokio::test]
async fn a_number_closed_after_the_answer_takes_its_stream_away_from_nobody() {
    let mut host = RawHost::new(&Setup::default()).await;
    let broker = host.plugin.broker().clone();
    let one = broker.serve(names("one")).await.unwrap();
    let two = broker.serve(names("two")).await.unwrap();
    host.knock(1).await;
    host.hear().await;
    one.close().await;
    host.knock(2).await;
    host.hear().await;
    if let Ok(lost) = host.try_open().await {
        assert!(ask(&lost, "k").await.is_err());
    }
    assert_eq!(ask(&host.open().await, "k").await.unwrap(), "two:k");
    host.knock(1).await;
    assert_eq!(host.hear().await, refusal(1));
    drop(two);
}

#[tokio::test]
async fn what_means_nothing_is_ignored() {
    let mut host = RawHost::new(&Setup::default()).await;
    let served = host.plugin.broker().serve(names("one")).await.unwrap();
    host.answer(5, "").await;
    host.answer(5, "no").await;
    host.say.send(ConnInfo::default()).await.unwrap();
    let announcement =
        ConnInfo { service_id: 3, network: "unix".into(), address: "/s".into(), knock: None };
    host.say.send(announcement).await.unwrap();
    host.knock(served.id().get()).await;
    assert_eq!(host.hear().await, knock(1, true, ""));
    assert_eq!(ask(&host.open().await, "k").await.unwrap(), "one:k");
}

#[tokio::test]
async fn a_dial_knocks_and_opens_nothing_before_the_answer() {
    let mut host = RawHost::new(&Setup::default()).await;
    let broker = host.plugin.broker().clone();
    let dialling = tokio::spawn(async move { broker.dial(9).await });
    assert_eq!(host.hear().await, knock(9, false, ""));
    host.answer(9, "not today").await;
    let error = within(5, dialling).await.unwrap().unwrap_err();
    assert_eq!(error.code(), "PROTOCOL_BROKER_UNKNOWN_ID");
}

#[tokio::test]
async fn knocks_come_one_at_a_time() {
    let mut host = RawHost::new(&Setup::default()).await;
    let broker = host.plugin.broker().clone();
    let dialling: Vec<_> = (1..=3)
        .map(|id| {
            let broker = broker.clone();
            tokio::spawn(async move { broker.dial(id).await })
        })
        .collect();
    for _ in 0..3 {
        let heard = host.hear().await;
        assert!(host.hears_nothing().await, "another knock before the answer");
        host.answer(heard.service_id, "no").await;
    }
    for dialling in dialling {
        assert!(within(5, dialling).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn a_silent_peer_costs_a_dial_its_time_and_no_more() {
    let options = BrokerOptions::new().timeout(Duration::from_millis(300));
    let mut host = RawHost::new(&Setup { options, ..Setup::default() }).await;
    let broker = host.plugin.broker().clone();
    let error = within(5, broker.dial(9)).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_BROKER_TIMEOUT");
    assert_eq!(host.hear().await, knock(9, false, ""));
    let next = tokio::spawn(async move { broker.dial(10).await });
    assert_eq!(host.hear().await, knock(10, false, ""));
    host.answer(10, "no").await;
    assert_eq!(within(5, next).await.unwrap().unwrap_err().code(), "PROTOCOL_BROKER_UNKNOWN_ID");
}

#[tokio::test(start_paused = true)]
async fn a_knock_may_take_longer_than_a_connection() {
    let channel = ChannelOptions::new().connection_timeout(Duration::from_millis(500));
    let options = BrokerOptions::new().timeout(Duration::from_secs(60)).channel(channel);
    let mut host = RawHost::new(&Setup { options, ..Setup::default() }).await;
    let broker = host.plugin.broker().clone();
    let dialling = tokio::spawn(async move { broker.dial(9).await });
    assert_eq!(host.hear().await, knock(9, false, ""));
    tokio::time::sleep(Duration::from_secs(30)).await;
    host.answer(9, "not today").await;
    let error = dialling.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "PROTOCOL_BROKER_UNKNOWN_ID");
}

#[tokio::test]
async fn a_dial_that_is_given_up_leaves_the_next_one_its_stream() {
    let pair = MuxPair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let one = plugin.serve(names("one")).await.unwrap();
    let two = plugin.serve(names("two")).await.unwrap();
    for polls in 0..40 {
        let mut dialling = Box::pin(host.dial(one.id()));
        for _ in 0..polls {
            if futures_util::poll!(dialling.as_mut()).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(dialling);
        let channel = within(10, host.dial(two.id())).await.unwrap();
        assert_eq!(ask(&channel, "k").await.unwrap(), "two:k", "after {polls} polls");
    }
}

#[tokio::test]
async fn a_lost_broker_stream_ends_a_knock_at_once_and_shifts_nothing() {
    let pair = MuxPair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let dialling = tokio::spawn({
        let host = host.clone();
        async move { host.dial(50).await }
    });
    // Enough for the knock to be on its way, and its answer does not come: nobody serves the
    // number.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    pair.lose();
    assert_eq!(within(2, dialling).await.unwrap().unwrap_err().code(), "TRANSPORT_DISCONNECTED");
    pair.connect().await;
    let served = plugin.serve(names("after")).await.unwrap();
    let channel = within(10, host.dial(served.id())).await.unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "after:k");
}
