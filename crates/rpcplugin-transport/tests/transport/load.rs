//! Many calls, and nothing left behind.

use std::sync::Arc;

use futures_util::{future::join_all, stream};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{Host, tasks_left, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_calls_of_eight_tasks_all_return() {
    let host = Host::new().await;
    let mut tasks = JoinSet::new();
    for task in 0..8_u32 {
        let mut client = host.client();
        tasks.spawn(async move {
            for call in 0..2500 {
                let sent = (task * 2500 + call).to_be_bytes().to_vec();
                assert_eq!(client.echo(sent.clone()).await.unwrap().into_inner(), sent);
            }
        });
    }
    within(120, tasks.join_all()).await;
    assert_eq!(host.plugin.accepted(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_at_once_than_streams_are_allowed_all_return() {
    let host = Host::new().await;
    let together = Arc::new(Barrier::new(3000));
    let calls = (0..3000).map(|_| {
        let (mut client, together) = (host.client(), together.clone());
        tokio::spawn(async move {
            together.wait().await;
            client.echo(vec![1; 100]).await
        })
    });
    for call in within(60, join_all(calls)).await {
        assert_eq!(call.unwrap().unwrap().into_inner().len(), 100);
    }
}

#[tokio::test]
async fn no_task_outlives_the_last_channel_and_call() {
    tasks_left(0).await;
    let host = Host::new().await;
    let mut client = host.client();
    client.echo(vec![]).await.unwrap();
    let replies = client.chat(stream::pending()).await.unwrap();
    within(5, host.plugin.seen.open(1)).await;

    let Host { plugin, channel, .. } = host;
    drop((client, channel));
    within(5, plugin.seen.open(1)).await;
    drop(replies);
    within(5, plugin.seen.open(0)).await;
    drop(plugin);
    tasks_left(0).await;
}

#[tokio::test]
async fn a_reply_outlives_its_channel() {
    let host = Host::new().await;
    let mut numbers = host.client().count(1000).await.unwrap().into_inner();
    drop(host.channel);
    for expected in 0..1000 {
        assert_eq!(numbers.message().await.unwrap(), Some(expected));
    }
    assert_eq!(numbers.message().await.unwrap(), None);
    drop(numbers);
    // The accept loop is the one that stays.
    tasks_left(1).await;
}

#[tokio::test]
async fn a_connection_that_its_generation_ended_leaves_no_task() {
    let host = Host::new().await;
    host.client().echo(vec![]).await.unwrap();
    let replies = host.client().chat(stream::pending()).await.unwrap();
    host.generation.end(rpcplugin_transport::EndReason::ShutDown);
    drop(host.plugin);
    drop(replies);
    tasks_left(0).await;
}

#[tokio::test]
async fn a_slow_reader_holds_the_stream_up_instead_of_filling_memory() {
    /// 18 MiB on the wire; the windows and buffers between the two hold a few.
    const COUNT: u32 = 2_000_000;
    let host = Host::new().await;
    let mut numbers = host.client().count(COUNT).await.unwrap().into_inner();
    let mut before = usize::MAX;
    while before != host.plugin.seen.counted() {
        before = host.plugin.seen.counted();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(before > 0 && before < COUNT as usize / 2, "it ran ahead to {before}");
    for expected in 0..COUNT / 4 {
        assert_eq!(numbers.message().await.unwrap(), Some(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_cancelled_calls_leave_the_connection_whole() {
    let host = Host::new().await;
    for _ in 0..30 {
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let mut client = host.client();
                tokio::spawn(async move { client.sleep(600_000).await })
            })
            .collect();
        within(5, host.plugin.seen.open(100)).await;
        for call in &calls {
            call.abort();
        }
        within(5, host.plugin.seen.open(0)).await;
    }
    host.client().echo(vec![]).await.unwrap();
    assert_eq!(host.plugin.accepted(), 1);
}
