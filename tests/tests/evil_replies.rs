//! Replies that no server should send: `docs/faults.md` C8, D13, E6, E8, E11.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::time::{Duration, Instant};

use rpcplugin::{Client, client::State, transport::error_from_status};
use rpcplugin_tests::{
    PeakMemory,
    host::{evil_plugin, host, probe},
    leak::{LeakGuard, leak_free},
};
use tonic::Status;

/// A plugin that is orderly, save for its replies to the probe.
async fn start(guard: &LeakGuard, manner: &str) -> Client {
    let line = "1|{version}|{network}|{address}|grpc|{cert}";
    let manner = format!("{manner}-tls");
    let words = ["listen", "unix", "serve", &manner, "line", line, "hang"];
    host(guard).spawn(evil_plugin(guard, words)).await.unwrap()
}

/// Asserts that a call ends at once and with one of these codes, and that the plugin goes on.
async fn ends(guard: &LeakGuard, manner: &str, codes: &[&str]) -> Status {
    let client = start(guard, manner).await;
    let mut probe = probe(&client);
    let started = Instant::now();
    let call = tokio::time::timeout(Duration::from_secs(10), probe.echo(vec![1]));
    let status = call.await.expect("the call ends").expect_err("it was no reply");
    let took = started.elapsed();
    let code = error_from_status(&status).code();
    assert!(codes.contains(&code), "{manner}: {code}, {status:?}");
    assert!(took < Duration::from_secs(2), "{manner}: after {took:?}");
    // A connection that was lost is made again, to the same process and with the same pin.
    client.ping().await.unwrap();
    assert_eq!(client.state(), State::Running);
    client.shutdown().await.unwrap();
    status
}

#[test]
fn c8_d13_a_lost_connection_ends_its_calls_and_is_made_again() {
    leak_free(async |guard| {
        ends(guard, "hang-up", &["TRANSPORT_DISCONNECTED"]).await;
    });
}

#[test]
fn c8_every_call_of_a_lost_connection_ends_once() {
    leak_free(async |guard| {
        let client = start(guard, "hang-up").await;
        let calls = (0..20).map(|_| {
            let mut probe = probe(&client);
            async move { probe.echo(vec![]).await }
        });
        let ends =
            tokio::time::timeout(Duration::from_secs(10), futures_util::future::join_all(calls));
        for end in ends.await.unwrap() {
            let code = error_from_status(&end.unwrap_err()).code();
            assert_eq!(code, "TRANSPORT_DISCONNECTED");
        }
        client.shutdown().await.unwrap();
    });
}

#[test]
fn e6_700_mib_are_refused_when_they_are_announced() {
    leak_free(async |guard| {
        let memory = PeakMemory::start();
        let status = ends(guard, "huge", &["PROTOCOL_LIMIT"]).await;
        let text = error_from_status(&status).to_string();
        assert!(text.contains("734003200") && text.contains("67108864"), "{text}");
        assert!(memory.growth() < 32 << 20, "grew by {}", memory.growth());
    });
}

#[test]
fn e8_replies_that_cannot_be_read_are_named() {
    leak_free(async |guard| {
        // tonic's own words for them, with a status that looks like the plugin's.
        ends(guard, "garbled", &["PROTOCOL_STATUS", "PROTOCOL_BAD_REPLY"]).await;
        ends(guard, "short", &["PROTOCOL_STATUS", "PROTOCOL_BAD_REPLY"]).await;
        ends(guard, "cut", &["PROTOCOL_BAD_REPLY"]).await;
    });
}

#[test]
fn e8_a_stream_that_is_reset_is_an_end() {
    leak_free(async |guard| {
        ends(guard, "reset", &["PROTOCOL_STATUS"]).await;
    });
}

#[test]
fn e11_too_many_headers_are_refused() {
    leak_free(async |guard| {
        let memory = PeakMemory::start();
        for manner in ["headers", "many-headers"] {
            // The whole connection, since its header compression is out of step then.
            ends(guard, manner, &["PROTOCOL_LIMIT", "TRANSPORT_DISCONNECTED"]).await;
        }
        assert!(memory.growth() < 32 << 20, "grew by {}", memory.growth());
    });
}

#[test]
fn a_call_that_gets_no_reply_ends_when_it_is_dropped_or_the_plugin_is_stopped() {
    leak_free(async |guard| {
        let client = start(guard, "silence").await;
        let mut probe = probe(&client);
        let dropped = tokio::time::timeout(Duration::from_millis(50), probe.echo(vec![]));
        assert!(dropped.await.is_err());
        let call = tokio::spawn(async move { probe.echo(vec![]).await });
        client.ping().await.unwrap();
        client.shutdown().await.unwrap();
        let status = call.await.unwrap().unwrap_err();
        let code = error_from_status(&status).code();
        assert!(code.starts_with("TRANSPORT_"), "{code}");
    });
}
