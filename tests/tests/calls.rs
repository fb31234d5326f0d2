//! Calls of all kinds, and what may go wrong in them: `docs/faults.md` E.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::time::Duration;

use rpcplugin::{
    Client, Tls,
    core::{Network, limits},
    transport::error_from_status,
};
use rpcplugin_tests::{
    Fifo,
    host::{freeze, host, probe, signal, test_plugin},
    leak::{LeakGuard, Runtime, leak_free, leak_free_on},
};
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Status};

#[track_caller]
fn code(status: &Status) -> &'static str {
    error_from_status(status).code()
}

async fn every_kind(client: &Client) {
    let mut probe = probe(client);
    assert_eq!(probe.echo(b"one".to_vec()).await.unwrap().into_inner(), b"one");
    let numbers = probe.count(1000_u32).await.unwrap().into_inner();
    let numbers: Vec<u32> = numbers.map(Result::unwrap).collect().await;
    assert_eq!(numbers, (0..1000).collect::<Vec<u32>>());
    let sum = probe.sum(tokio_stream::iter(1..=1000_u32)).await.unwrap();
    assert_eq!(sum.into_inner(), 500_500);
    let words = (0..100_u8).map(|n| vec![n; 1000]);
    let echoes = probe.chat(tokio_stream::iter(words.clone())).await.unwrap().into_inner();
    let echoes: Vec<Vec<u8>> = echoes.map(Result::unwrap).collect().await;
    assert_eq!(echoes, words.collect::<Vec<_>>());
}

#[test]
fn every_kind_of_call_works_over_every_transport() {
    for runtime in [Runtime::CurrentThread, Runtime::MultiThread] {
        leak_free_on(runtime, async |guard| {
            for network in [Network::Unix, Network::Tcp] {
                for tls in [Tls::Auto, Tls::Plaintext] {
                    let builder = host(guard).transports([network]).tls(tls);
                    let client = builder.spawn(test_plugin(guard)).await.unwrap();
                    assert_eq!(client.address().network(), network);
                    every_kind(&client).await;
                    client.shutdown().await.unwrap();
                }
            }
        });
    }
}

#[test]
fn the_agreed_version_is_the_highest_common_one() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        command.arg("versions=2,3,7");
        let client = host(guard).versions([1, 2, 3]).spawn(command).await.unwrap();
        assert_eq!(client.version(), 3);
        let reply = probe(&client).echo(vec![]).await.unwrap();
        assert_eq!(reply.metadata().get("version").unwrap(), "3");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_status_is_the_plugins_own_answer() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let status = probe(&client).fail("5:no such thing".to_owned()).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such thing"));
        assert_eq!(code(&status), "PROTOCOL_STATUS");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn e3_a_handler_that_panics_harms_no_other_call() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = test_plugin(guard);
        command.env("TEST_PLUGIN_REPORT", reports.path());
        let client = host(guard).spawn(command).await.unwrap();
        let mut other = probe(&client);
        let call = tokio::spawn(async move { other.sleep(300_u32).await });
        assert_eq!(reports.line().await.unwrap(), "sleep started");
        let status = probe(&client).panic("on purpose".to_owned()).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{status:?}");
        call.await.unwrap().unwrap();
        every_kind(&client).await;
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_panic_in_a_handler_is_an_error_in_the_log() {
    leak_free(async |guard| {
        let mut plugin = test_plugin(guard);
        // A backtrace is longer than the tail of stderr that is kept.
        plugin.env("RUST_BACKTRACE", "0");
        let client = host(guard).spawn(plugin).await.unwrap();
        probe(&client).panic("on purpose".to_owned()).await.unwrap_err();
        signal(client.pid(), Signal::KILL);
        let report = client.exited().await;
        let line = report.stderr.iter().find(|line| line.contains("on purpose"));
        assert!(line.is_some_and(|line| line.starts_with("panic: ")), "{report}");
    });
}

#[test]
fn e2_a_call_ends_at_its_deadline() {
    leak_free(async |guard| {
        let builder = host(guard).request_timeout(Duration::from_millis(200));
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        let mut probe = probe(&client);
        let status = probe.sleep(600_000_u32).await.unwrap_err();
        assert_eq!(code(&status), "TRANSPORT_DEADLINE", "{status:?}");
        let mut request = Request::new(600_000_u32);
        request.set_timeout(Duration::from_millis(50));
        let status = probe.sleep(request).await.unwrap_err();
        assert_eq!(code(&status), "TRANSPORT_DEADLINE", "{status:?}");
        // The connection is as good as before.
        probe.echo(vec![]).await.unwrap();
        client.shutdown().await.unwrap();
    });
}

#[test]
fn e2_c9_a_plugin_that_stopped_answering_ends_calls_without_a_deadline() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = test_plugin(guard);
        command.env("TEST_PLUGIN_REPORT", reports.path());
        let client = host(guard)
            .grpc_keepalive_time(Duration::from_secs(1))
            .grpc_keepalive_timeout(Duration::from_millis(200))
            .grpc_grace_period(Duration::from_millis(200))
            .terminate_timeout(Duration::from_millis(100))
            .spawn(command)
            .await
            .unwrap();
        let mut probe = probe(&client);
        let call = tokio::spawn(async move { probe.sleep(600_000_u32).await });
        assert_eq!(reports.line().await.unwrap(), "sleep started");
        freeze(client.pid()).await;
        let end = tokio::time::timeout(Duration::from_secs(10), call).await.unwrap();
        assert_eq!(code(&end.unwrap().unwrap_err()), "TRANSPORT_DEADLINE");
        let error = client.ping().await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_DEADLINE", "{error}");
        client.shutdown().await.unwrap();
    });
}

/// The largest `Blob` whose message is exactly `limit` bytes: a tag and its length come first.
fn fitting(limit: usize) -> u32 {
    u32::try_from(limit).unwrap() - 1 - if limit > 2 << 20 { 4 } else { 3 }
}

async fn blob(guard: &LeakGuard, limit: usize, size: u32) -> Result<usize, &'static str> {
    let builder = host(guard).grpc_max_receive_message_size(limit);
    let client = builder.spawn(test_plugin(guard)).await.unwrap();
    let mut probe = probe(&client);
    let reply = probe.blob(size).await;
    // The call fails, and not the connection.
    probe.echo(vec![]).await.unwrap();
    client.shutdown().await.unwrap();
    reply.map(|reply| reply.into_inner().len()).map_err(|status| code(&status))
}

#[test]
fn e5_a_reply_may_be_as_large_as_the_limit_and_no_larger() {
    leak_free(async |guard| {
        let limit = 1 << 20;
        let size = fitting(limit);
        assert_eq!(blob(guard, limit, size).await, Ok(size as usize));
        assert_eq!(blob(guard, limit, size + 1).await, Err("PROTOCOL_LIMIT"));
    });
}

#[test]
fn e5_the_default_limit_is_64_mib_in_both_directions() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let mut probe = probe(&client);
        let size = fitting(limits::MESSAGE);
        let reply = probe.blob(size).await.unwrap().into_inner();
        assert_eq!(reply.len(), size as usize);
        let reply = probe.echo(reply).await.unwrap().into_inner();
        assert_eq!(reply.len(), size as usize);
        for status in [
            probe.blob(size + 1).await.unwrap_err(),
            probe.echo(vec![0; size as usize + 1]).await.unwrap_err(),
        ] {
            assert_eq!(code(&status), "PROTOCOL_LIMIT", "{status:?}");
        }
        every_kind(&client).await;
        client.shutdown().await.unwrap();
    });
}

#[test]
fn e8_an_unknown_method_is_unimplemented() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let mut reflection = client.dispense(rpcplugin_proto::text::text_client::TextClient::new);
        let status = reflection.upper(rpcplugin_proto::text::Line::default()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn e10_10_000_concurrent_calls_all_end() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let mut calls = JoinSet::new();
        for number in 0..10_000_u32 {
            let mut probe = probe(&client);
            calls.spawn(async move {
                let bytes = number.to_le_bytes().to_vec();
                assert_eq!(probe.echo(bytes.clone()).await.unwrap().into_inner(), bytes);
            });
        }
        let mut ended = 0;
        while let Some(call) = calls.join_next().await {
            call.unwrap();
            ended += 1;
        }
        assert_eq!(ended, 10_000);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn e9_a_slow_reader_does_not_make_the_host_hold_the_stream() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let memory = rpcplugin_tests::PeakMemory::start();
        let mut numbers = probe(&client).count(u32::MAX).await.unwrap().into_inner();
        assert_eq!(numbers.message().await.unwrap(), Some(0));
        // Other calls pass by the stream that nobody reads.
        for _ in 0..500 {
            probe(&client).echo(vec![1; 1000]).await.unwrap();
        }
        assert!(memory.growth() < 16 << 20, "grew by {}", memory.growth());
        assert_eq!(numbers.message().await.unwrap(), Some(1));
        drop(numbers);
        client.shutdown().await.unwrap();
    });
}
