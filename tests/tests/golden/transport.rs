//! Errors of the kind Transport.

use std::{net::TcpListener, process::Stdio, time::Duration};

use rpcplugin::{
    Client, Tls,
    core::{Address, Network},
    error_from_status,
};
use rpcplugin_tests::{
    Fifo, Mirror, Shortage, golden, golden_line,
    host::{host, probe, refusal, signal, test_plugin},
    leak::{LeakGuard, leak_free},
    running::Handed,
};
use rustix::process::Signal;

use crate::{PLAIN, last_line, serving, told_of};

async fn running(guard: &LeakGuard) -> Client {
    host(guard).spawn(test_plugin(guard)).await.unwrap()
}

#[test]
fn an_address_without_a_valid_form() {
    leak_free(async |guard| {
        let address = Address::Unix(format!("/{}", "x".repeat(200)).into());
        let error = host(guard).tls(Tls::Plaintext).connect(address).await.unwrap_err();
        golden("TRANSPORT_INVALID_ENDPOINT.long", &error);
    });
}

#[test]
fn no_free_port() {
    leak_free(async |guard| {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let builder = host(guard).transports([Network::Tcp]).ports(port..=port);
        let error = refusal(builder, test_plugin(guard)).await;
        golden_line("TRANSPORT_BIND_FAILED.taken", &last_line(&error));
    });
}

#[test]
fn a_plugin_without_stdout() {
    leak_free(async |guard| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = test_plugin(guard);
        command.env("RPCPLUGIN_TESTS_COOKIE", "6d2f1c");
        command.env("PLUGIN_UNIX_SOCKET_DIR", guard.base());
        command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // It holds the end of the pipe that the plugin has.
        drop(command);
        let output = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output());
        let words = String::from_utf8(output.await.unwrap().unwrap().stderr).unwrap();
        let line = words.lines().last().unwrap_or_default();
        golden_line("TRANSPORT_STDOUT_CLOSED.host_gone", line);
    });
}

#[test]
fn a_stale_address() {
    let words = ["line", "1|{version}|tcp|127.0.0.1:1|grpc|", "hang"];
    told_of("TRANSPORT_REFUSED.stale", &words);
}

#[test]
fn a_socket_that_is_gone() {
    let words = ["listen", "unix", "unlink", "line", PLAIN, "hang"];
    told_of("TRANSPORT_NOT_FOUND.removed", &words);
}

#[test]
fn a_plugin_that_does_not_answer() {
    crate::told("TRANSPORT_CONNECT_TIMEOUT.silent", async |guard| {
        let limit = Duration::from_millis(1500);
        let builder = host(guard).connection_timeout(limit).channel_ready_timeout(limit);
        let words = ["listen", "unix", "serve", "silent", "line", PLAIN, "hang"];
        (builder.tls(Tls::Plaintext), rpcplugin_tests::host::evil_plugin(guard, words))
    });
}

#[test]
fn a_call_whose_plugin_dies() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = test_plugin(guard);
        command.env("TEST_PLUGIN_REPORT", reports.path());
        let client = host(guard).spawn(command).await.unwrap();
        let mut sleeper = probe(&client);
        let call = tokio::spawn(async move { sleeper.sleep(600_000_u32).await });
        assert_eq!(reports.line().await.unwrap(), "sleep started");
        signal(client.pid(), Signal::KILL);
        let status = call.await.unwrap().unwrap_err();
        let error = error_from_status(&status);
        assert!(error.report().is_some(), "its crash report comes along");
        golden("TRANSPORT_PLUGIN_GONE.killed", &error);
    });
}

#[test]
fn a_call_that_takes_too_long() {
    leak_free(async |guard| {
        let builder = host(guard).request_timeout(Duration::from_millis(200));
        // One that keeps no deadlines itself, so that it is the host's that passes.
        let client = serving(builder, guard, "silence").await;
        let status = probe(&client).echo(vec![1]).await.unwrap_err();
        golden("TRANSPORT_DEADLINE.request", &error_from_status(&status));
        client.shutdown().await.unwrap();
    });
}

#[test]
fn no_descriptor_left() {
    leak_free(async |guard| {
        let client = running(guard).await;
        let broker = client.broker();
        // Its stream is open before descriptors run out; and it stays, as its end would free one.
        let first = broker.serve(Mirror::new()).await.unwrap();
        let shortage = Shortage::of(0);
        let serve = broker.serve(Mirror::new()).await;
        drop(shortage);
        golden("TRANSPORT_RESOURCES.descriptors", &serve.unwrap_err());
        first.close().await;
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_side_channel_that_nobody_offers() {
    leak_free(async |guard| {
        let builder = host(guard).broker_timeout(Duration::from_millis(200));
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        let error = client.broker().dial(9_999_u32).await.unwrap_err();
        golden("TRANSPORT_BROKER_TIMEOUT.never", &error);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_plugin_without_a_broker() {
    leak_free(async |guard| {
        let client = serving(host(guard), guard, "grpc").await;
        let error = client.broker().dial(7_u32).await.unwrap_err();
        golden("TRANSPORT_BROKER_UNAVAILABLE.old_plugin", &error);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_plugin_that_another_host_holds() {
    leak_free(async |guard| {
        let mut handed = Handed::start(guard, &["plaintext"], None).await;
        let builder = host(guard).tls(Tls::Plaintext);
        let error = builder.clone().attach(handed.record.clone()).await.unwrap_err();
        golden("TRANSPORT_REATTACH_IN_USE.first_host", &error);
        handed.kill_host().await;
        let client = builder.attach(handed.record.clone()).await.unwrap();
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_plugin_that_was_shut_down() {
    leak_free(async |guard| {
        let client = running(guard).await;
        client.clone().shutdown().await.unwrap();
        golden("TRANSPORT_SHUT_DOWN.shutdown", &client.ping().await.unwrap_err());
    });
}
