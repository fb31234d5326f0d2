//! The plugin ends while its host needs it: `docs/faults.md` E1, G6, H9, H10, N2.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::time::Duration;

use rpcplugin::{
    Client,
    core::{Error, TransportError},
    transport::crash_report,
};
use rpcplugin_tests::{
    Fifo,
    host::{host, probe, signal, test_plugin},
    leak::{LeakGuard, leak_free},
};
use rustix::process::Signal;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::Status;

/// Asserts that a call ended because its plugin did, by this signal.
#[track_caller]
fn gone(status: Status, number: i32) {
    let report = crash_report(&status).cloned();
    let error = rpcplugin::transport::error_from_status(&status);
    assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE", "{status:?}");
    let report = report.or_else(|| error.report().cloned()).expect("the report comes along");
    assert_eq!(report.status.and_then(|status| status.signal()), Some(number), "{report}");
}

/// Asserts that nothing comes after the end. Tonic may give a failed body's status once more.
async fn over<T>(stream: tonic::Streaming<T>, end: &Status) {
    let rest: Vec<_> = stream.collect().await;
    let same = |item: &Result<T, Status>| {
        item.as_ref().is_err_and(|again| again.to_string() == end.to_string())
    };
    assert!(rest.len() <= 1 && rest.iter().all(same), "{} more items", rest.len());
}

async fn started(guard: &LeakGuard, reports: &Fifo) -> Client {
    let mut command = test_plugin(guard);
    command.env("TEST_PLUGIN_REPORT", reports.path());
    host(guard).spawn(command).await.unwrap()
}

#[test]
fn e1_h10_kill_9_ends_each_call_exactly_once() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let client = started(guard, &reports).await;
        let (ends, mut ended) = mpsc::unbounded_channel();
        let mut calls = JoinSet::new();

        // Unary: in the handler, which says so.
        let (mut unary, end) = (probe(&client), ends.clone());
        calls.spawn(async move {
            let status = unary.sleep(600_000_u32).await.unwrap_err();
            end.send(("unary", status)).unwrap();
        });
        assert_eq!(reports.line().await.unwrap(), "sleep started");

        // Client stream: the handler has the first message.
        let (numbers, stream) = mpsc::channel(1);
        let (mut client_stream, end) = (probe(&client), ends.clone());
        calls.spawn(async move {
            let status = client_stream.sum(ReceiverStream::new(stream)).await.unwrap_err();
            end.send(("client stream", status)).unwrap();
        });
        numbers.send(7).await.unwrap();
        assert_eq!(reports.line().await.unwrap(), "sum started");
        assert_eq!(reports.line().await.unwrap(), "sum 7");

        // Server stream: more than fits any window, and the first message is here.
        let mut replies = probe(&client).count(u32::MAX).await.unwrap().into_inner();
        assert_eq!(replies.message().await.unwrap(), Some(0));
        let end = ends.clone();
        calls.spawn(async move {
            // What had arrived is still delivered; then comes the end, and after it nothing.
            let status = loop {
                match replies.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("a stream that was cut looks complete"),
                    Err(status) => break status,
                }
            };
            over(replies, &status).await;
            end.send(("server stream", status)).unwrap();
        });

        // Both: the first message was echoed.
        let (words, stream) = mpsc::channel(1);
        words.send(b"hello".to_vec()).await.unwrap();
        let mut echoes =
            probe(&client).chat(ReceiverStream::new(stream)).await.unwrap().into_inner();
        assert_eq!(echoes.message().await.unwrap().unwrap(), b"hello");
        let end = ends.clone();
        calls.spawn(async move {
            let status = echoes.message().await.unwrap_err();
            over(echoes, &status).await;
            end.send(("both", status)).unwrap();
        });

        drop(ends);
        signal(client.pid(), Signal::KILL);
        let all = async {
            let mut kinds = Vec::new();
            while let Some((kind, status)) = ended.recv().await {
                gone(status, 9);
                kinds.push(kind);
            }
            kinds.sort_unstable();
            kinds
        };
        let kinds = tokio::time::timeout(Duration::from_secs(2), all).await.unwrap();
        assert_eq!(kinds, ["both", "client stream", "server stream", "unary"]);
        while let Some(call) = calls.join_next().await {
            call.unwrap();
        }
        assert_eq!(client.exited().await.status.unwrap().signal(), Some(9));
        drop((numbers, words, client));
    });
}

#[test]
fn n2_a_storm_loses_no_call() {
    leak_free(async |guard| {
        const PLUGINS: usize = 5;
        const CALLS: usize = 20;
        let mut calls = JoinSet::new();
        let mut clients = Vec::new();
        for number in 0..PLUGINS {
            let mut reports = Fifo::create(guard.scratch(), &number.to_string()).unwrap();
            let client = started(guard, &reports).await;
            for _ in 0..CALLS {
                let mut probe = probe(&client);
                calls.spawn(async move { probe.sleep(600_000_u32).await.unwrap_err() });
            }
            for _ in 0..CALLS {
                assert_eq!(reports.line().await.unwrap(), "sleep started");
            }
            clients.push(client);
        }
        for client in &clients {
            signal(client.pid(), Signal::KILL);
        }
        let all = async {
            let mut ended = 0;
            while let Some(status) = calls.join_next().await {
                gone(status.unwrap(), 9);
                ended += 1;
            }
            ended
        };
        let ended = tokio::time::timeout(Duration::from_secs(5), all).await.unwrap();
        assert_eq!(ended, PLUGINS * CALLS);
    });
}

#[test]
fn e13_later_calls_know_that_the_plugin_is_gone() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let mut probe = probe(&client);
        signal(client.pid(), Signal::KILL);
        client.exited().await;
        gone(probe.echo(vec![1]).await.unwrap_err(), 9);
        let error = client.ping().await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE");
        let error = client.shutdown().await.unwrap_err();
        assert!(matches!(
            error,
            Error::Transport { source: TransportError::PluginGone { .. }, .. }
        ));
    });
}

#[test]
fn h9_sigterm_ends_our_plugin_in_order() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        signal(client.pid(), Signal::TERM);
        let report = client.exited().await;
        assert_eq!(report.status.unwrap().code(), Some(0), "{report}");
        let status = probe(&client).echo(vec![]).await.unwrap_err();
        let error = rpcplugin::transport::error_from_status(&status);
        assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE");
    });
}

#[test]
fn g6_the_last_words_come_with_every_call() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let mut probe = probe(&client);
        for number in 0..100 {
            probe.log(format!("error:word {number}")).await.unwrap();
        }
        signal(client.pid(), Signal::ABORT);
        client.exited().await;
        let status = probe.echo(vec![]).await.unwrap_err();
        let report = crash_report(&status).unwrap();
        let words: Vec<_> = report.stderr.iter().filter(|line| line.contains("word ")).collect();
        assert_eq!(words.len(), 100, "{report}");
        for (number, line) in words.iter().enumerate() {
            assert!(line.contains(&format!("\"word {number}\"")), "{line}");
        }
    });
}
