//! Each call ends exactly once, and says why.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{future::join_all, stream};
use rpcplugin_core::{CrashReport, Phase};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_transport::{EndReason, Generation, PluginChannel, crash_report, memory};
use tonic::{Code, Status};

use crate::support::{Host, Plugin, client, code, connect, within};

fn gone() -> EndReason {
    let mut report = CrashReport::new(Phase::Running);
    report.pid = Some(4711);
    EndReason::Gone(Arc::new(report))
}

/// Fifty calls of three kinds that will not end by themselves.
async fn hanging(host: &Host) -> Vec<tokio::task::JoinHandle<Status>> {
    let calls = (0..50).map(|index| {
        let mut client: ProbeClient<PluginChannel> = host.client();
        tokio::spawn(async move {
            match index % 3 {
                0 => client.sleep(600_000).await.unwrap_err(),
                1 => client.sum(stream::pending()).await.unwrap_err(),
                _ => match client.chat(stream::pending()).await {
                    Ok(replies) => replies.into_inner().message().await.unwrap_err(),
                    Err(status) => status,
                },
            }
        })
    });
    let calls = calls.collect();
    within(10, host.plugin.seen.open(50)).await;
    calls
}

async fn ended(calls: Vec<tokio::task::JoinHandle<Status>>) -> Vec<Status> {
    within(5, join_all(calls)).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugins_death_ends_every_call_once_with_its_report() {
    let host = Host::new().await;
    let calls = hanging(&host).await;
    drop(host.plugin);
    host.generation.end(gone());
    for status in ended(calls).await {
        assert_eq!((status.code(), code(&status)), (Code::Unavailable, "TRANSPORT_PLUGIN_GONE"));
        assert_eq!(crash_report(&status).unwrap().pid, Some(4711));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_news_of_a_death_may_come_after_the_connection_is_lost() {
    let host = Host::new().await;
    let calls = hanging(&host).await;
    drop(host.plugin);
    tokio::time::sleep(Duration::from_millis(200)).await;
    host.generation.end(gone());
    for status in ended(calls).await {
        assert_eq!(code(&status), "TRANSPORT_PLUGIN_GONE");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_of_a_living_plugin_is_a_disconnect() {
    let host = Host::new().await;
    let calls = hanging(&host).await;
    let begun = Instant::now();
    host.plugin.hang_up();
    for status in ended(calls).await {
        assert_eq!((status.code(), code(&status)), (Code::Unavailable, "TRANSPORT_DISCONNECTED"));
        assert!(crash_report(&status).is_none());
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(host.plugin.seen.started(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_generation_ends_calls_of_a_plugin_that_still_answers() {
    let host = Host::new().await;
    let calls = hanging(&host).await;
    let begun = Instant::now();
    host.generation.end(EndReason::ShutDown);
    for status in ended(calls).await {
        assert_eq!(code(&status), "TRANSPORT_SHUT_DOWN");
    }
    assert!(begun.elapsed() < Duration::from_millis(400), "took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_closed_generation_refuses_new_calls_and_lets_the_others_go_on() {
    let host = Host::new().await;
    let mut slow = host.client();
    let slow = tokio::spawn(async move { slow.sleep(200).await });
    within(5, host.plugin.seen.open(1)).await;
    host.generation.close();
    let status = host.client().echo(vec![]).await.unwrap_err();
    assert_eq!((status.code(), code(&status)), (Code::Unavailable, "TRANSPORT_SHUT_DOWN"));
    let mut privileged = ProbeClient::new(host.channel.clone().privileged());
    privileged.echo(vec![]).await.unwrap();
    slow.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_after_the_end_fails_at_once_without_dialling() {
    let host = Host::new().await;
    host.client().echo(vec![]).await.unwrap();
    host.plugin.hang_up();
    host.generation.end(EndReason::ShutDown);
    let begun = Instant::now();
    let status = host.client().echo(vec![]).await.unwrap_err();
    assert_eq!((status.code(), code(&status)), (Code::Unavailable, "TRANSPORT_SHUT_DOWN"));
    assert!(begun.elapsed() < Duration::from_millis(100));
    assert_eq!(host.plugin.accepted(), 1);
}

#[tokio::test]
async fn what_was_received_before_the_end_is_delivered() {
    let host = Host::new().await;
    let mut numbers = host.client().count(100).await.unwrap().into_inner();
    within(5, host.plugin.seen.open(0)).await;
    drop(host.plugin);
    host.generation.end(gone());
    for expected in 0..100 {
        assert_eq!(numbers.message().await.unwrap(), Some(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_after_a_loss_reconnect_once() {
    let host = Host::new().await;
    for round in 2..10 {
        host.client().echo(vec![]).await.unwrap();
        let call = tokio::spawn({
            let mut client = host.client();
            async move { client.sleep(600_000).await }
        });
        within(5, host.plugin.seen.open(1)).await;
        host.plugin.hang_up();
        within(5, call).await.unwrap().unwrap_err();
        let calls = (0..100).map(|_| {
            let mut client = host.client();
            tokio::spawn(async move { client.echo(vec![1]).await })
        });
        for call in join_all(calls).await {
            call.unwrap().unwrap();
        }
        assert_eq!(host.plugin.accepted(), round);
    }
}

#[tokio::test]
async fn a_reconnect_that_its_caller_gave_up_does_not_hold_up_the_next() {
    let host = Host::new().await;
    host.channel.cut("a test");
    for _ in 0..3 {
        let mut client = host.client();
        let mut call = Box::pin(client.echo(vec![]));
        assert!(futures_util::future::poll_immediate(&mut call).await.is_none());
        drop(call);
    }
    within(5, host.client().echo(vec![])).await.unwrap();
}

#[tokio::test]
async fn nobody_to_reconnect_to_is_refused_or_gone() {
    let (connector, listener) = memory::pair();
    let plugin = Plugin::serve(listener);
    let generation = Generation::new();
    let channel =
        PluginChannel::connect(connector, Default::default(), generation.clone()).await.unwrap();
    drop(plugin);
    let begun = Instant::now();
    let lost = client(&channel).echo(vec![]).await.unwrap_err();
    assert!(["TRANSPORT_DISCONNECTED", "TRANSPORT_REFUSED"].contains(&code(&lost)), "{lost:?}");
    let status = client(&channel).echo(vec![]).await.unwrap_err();
    assert_eq!((status.code(), code(&status)), (Code::Unavailable, "TRANSPORT_REFUSED"));
    assert!(begun.elapsed() < Duration::from_millis(1500));

    let late = client(&channel);
    let call = tokio::spawn(async move { { late }.echo(vec![]).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    generation.end(gone());
    assert_eq!(code(&call.await.unwrap().unwrap_err()), "TRANSPORT_PLUGIN_GONE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cutting_ends_every_call_with_the_reason_and_a_later_call_reconnects() {
    let host = Host::new().await;
    let calls = hanging(&host).await;
    let begun = Instant::now();
    host.channel.cut("no health answer within 5s");
    for status in ended(calls).await {
        assert_eq!((status.code(), code(&status)), (Code::DeadlineExceeded, "TRANSPORT_DEADLINE"));
        assert_eq!(status.message(), "no answer in time: no health answer within 5s");
    }
    assert!(begun.elapsed() < Duration::from_millis(400));
    host.client().echo(vec![]).await.unwrap();
    assert_eq!(host.plugin.accepted(), 2);
}

#[tokio::test]
async fn a_late_verdict_on_a_lost_connection_leaves_its_successor_alone() {
    let host = Host::new().await;
    let (traced, trace) = host.channel.clone().traced();
    client(&traced).echo(vec![]).await.unwrap();
    host.channel.cut("a test");
    let mut slow = host.client();
    let slow = tokio::spawn(async move { slow.sleep(100).await });
    within(5, host.plugin.seen.open(1)).await;
    trace.cut("no health answer within 5s");
    slow.await.unwrap().unwrap();
    assert_eq!(host.plugin.accepted(), 2);

    client(&traced).echo(vec![]).await.unwrap();
    let mut slow = host.client();
    let slow = tokio::spawn(async move { slow.sleep(600_000).await });
    within(5, host.plugin.seen.open(1)).await;
    trace.cut("no health answer within 5s");
    assert_eq!(code(&within(5, slow).await.unwrap().unwrap_err()), "TRANSPORT_DEADLINE");
}

#[tokio::test]
async fn connecting_to_nobody_is_refused() {
    let (connector, listener) = memory::pair();
    drop(listener);
    assert_eq!(connect(connector).await.unwrap_err().code(), "TRANSPORT_REFUSED");
}
