use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use rpcplugin_broker::{Broker, BrokerOptions};
use rpcplugin_core::{CrashReport, Error, Phase};
use rpcplugin_proto::kv::{PutRequest, kv_client::KvClient};
use rpcplugin_transport::{EndReason, PluginChannel, error_from_status};
use tokio::{task::JoinHandle, time::Instant};

use crate::support::{Names, Pair, Setup, ask, eventually, names, tasks, within};

fn dialling(broker: &Broker, ids: std::ops::Range<u32>) -> Vec<JoinHandle<Option<Error>>> {
    let dial = |id| {
        let broker = broker.clone();
        tokio::spawn(async move { broker.dial(id).await.err() })
    };
    ids.map(dial).collect()
}

async fn check_end(end: impl AsyncFnOnce(&Pair), code: &str) {
    let pair = Pair::new(Setup::default()).await;
    // A stream must be there to wait for something on it.
    drop(pair.host.broker.serve(names("first")).await.unwrap());
    drop(pair.plugin.broker.serve(names("first")).await.unwrap());
    let mut waits = dialling(&pair.host.broker, 100..200);
    waits.extend(dialling(&pair.plugin.broker, 100..200));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let start = Instant::now();
    end(&pair).await;
    for wait in waits {
        assert_eq!(within(2, wait).await.unwrap().unwrap().code(), code);
    }
    let took = start.elapsed();
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dying_connection_ends_all_waits_at_once() {
    check_end(async |pair| pair.serving.0.abort(), "TRANSPORT_DISCONNECTED").await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_ends_all_waits_with_its_report() {
    let gone = async |pair: &Pair| {
        // The connection is seen to end a little before the process is.
        pair.serving.0.abort();
        tokio::task::yield_now().await;
        let report = Arc::new(CrashReport::new(Phase::Running));
        pair.host.generation.end(EndReason::Gone(report.clone()));
        pair.plugin.generation.end(EndReason::Gone(report));
    };
    check_end(gone, "TRANSPORT_PLUGIN_GONE").await;
}

#[tokio::test]
async fn after_the_end_nothing_is_served_or_dialled() {
    let pair = Pair::new(Setup::default()).await;
    pair.host.generation.end(EndReason::ShutDown);
    let error = pair.host.broker.serve(names("late")).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_SHUT_DOWN");
    let error = pair.host.broker.dial(1).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_SHUT_DOWN");
    assert_eq!(pair.host.broker.counts().served, 0);
}

#[tokio::test]
async fn channels_end_with_the_generation_of_their_side() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let _served = plugin.serve(names("gone")).await.unwrap();
    let channel = host.dial(1).await.unwrap();
    pair.host.generation.end(EndReason::ShutDown);
    let error = error_from_status(&ask(&channel, "k").await.unwrap_err());
    assert_eq!(error.code(), "TRANSPORT_SHUT_DOWN");
}

#[tokio::test]
async fn a_closed_side_channel_is_gone_and_its_number_not_reused() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = host.serve(names("one")).await.unwrap();
    let channel = plugin.dial(served.id()).await.unwrap();
    ask(&channel, "k").await.unwrap();
    within(1, served.close()).await;
    assert_eq!((pair.host.sockets(), host.counts().served), (0, 0));
    let error = error_from_status(&within(2, ask(&channel, "k")).await.unwrap_err());
    assert_eq!(error.code(), "TRANSPORT_NOT_FOUND");

    let kept = host.serve(names("two")).await.unwrap().keep();
    assert_eq!(kept.get(), 2);
    assert!(host.close(kept));
    eventually(|| host.counts().served == 0).await;
    assert!(!host.close(kept));
    pair.host.no_sockets().await;
}

#[tokio::test]
async fn an_offer_whose_listener_is_gone_is_forgotten() {
    let options = BrokerOptions::new().timeout(Duration::from_millis(100));
    let pair = Pair::new(Setup { options, ..Setup::default() }).await;
    let (host, plugin) = pair.brokers();
    host.serve(names("one")).await.unwrap().close().await;
    eventually(|| plugin.counts().unclaimed == 1).await;
    assert_eq!(plugin.dial(1).await.unwrap_err().code(), "TRANSPORT_NOT_FOUND");
    assert_eq!(plugin.counts().unclaimed, 0);
    assert_eq!(plugin.dial(1).await.unwrap_err().code(), "TRANSPORT_BROKER_TIMEOUT");
}

/// A call that is being answered, and what lets it go on.
async fn busy(pair: &Pair) -> (rpcplugin_broker::Served, JoinHandle<bool>, Names) {
    let service = Names("busy".into(), Arc::default());
    let server = rpcplugin_proto::kv::kv_server::KvServer::new(service.clone());
    let served = pair.host.broker.serve(server).await.unwrap();
    let channel: PluginChannel = pair.plugin.broker.dial(served.id()).await.unwrap();
    let call =
        tokio::spawn(
            async move { KvClient::new(channel).put(PutRequest::default()).await.is_ok() },
        );
    service.1.notified().await;
    (served, call, service)
}

#[tokio::test]
async fn calls_in_progress_may_end_after_the_side_channel_was_closed() {
    let pair = Pair::new(Setup::default()).await;
    let (served, call, service) = busy(&pair).await;
    drop(served);
    pair.host.no_sockets().await;
    service.1.notify_one();
    assert!(within(2, call).await.unwrap());
    eventually(|| pair.host.broker.counts().served == 0).await;
}

#[tokio::test]
async fn calls_that_outlast_the_grace_are_cut() {
    let options = BrokerOptions::new().grace(Duration::from_millis(50));
    let pair = Pair::new(Setup { options, ..Setup::default() }).await;
    let (served, call, _service) = busy(&pair).await;
    within(1, served.close()).await;
    assert!(!within(2, call).await.unwrap());
}

#[tokio::test]
async fn calls_end_at_once_with_the_generation() {
    let pair = Pair::new(Setup::default()).await;
    let (_served, call, _service) = busy(&pair).await;
    pair.host.generation.end(EndReason::ShutDown);
    let start = Instant::now();
    assert!(!within(2, call).await.unwrap());
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_dial_that_is_given_up_anywhere_leaves_the_offer_and_no_task() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = host.serve(names("one")).await.unwrap();
    eventually(|| plugin.counts().unclaimed == 1).await;
    let before = tasks();
    let mut dialled = None;
    for polls in 1.. {
        let mut dial = Box::pin(plugin.dial(served.id()));
        for _ in 0..polls {
            dialled = dial.as_mut().now_or_never();
            if dialled.is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        if dialled.is_some() {
            break;
        }
        assert_eq!(plugin.counts().unclaimed, 0, "while it is dialled");
        drop(dial);
        assert_eq!(plugin.counts().unclaimed, 1);
    }
    let channel = dialled.unwrap().unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "one:k");
    drop((channel, served));
    eventually(|| tasks() <= before).await;
}

#[tokio::test]
async fn a_serve_that_is_given_up_leaves_no_socket_and_no_number() {
    let pair = Pair::new(Setup::default()).await;
    let host = &pair.host.broker;
    // Without a stream so far, so that it waits.
    for _ in 0..3 {
        drop(host.serve(names("one")).now_or_never());
    }
    drop(host.next_id());
    eventually(|| host.counts().served == 0).await;
    pair.host.no_sockets().await;
}
