use std::path::Path;

use rpcplugin::{
    MagicCookie,
    client::ExitStatus,
    core::Handshake,
    testing::{FakeHost, Hosted, Observed},
};
use rpcplugin_proto::kv::{GetRequest, kv_client::KvClient};
use tokio::process::Command;

use crate::within;

const COOKIE: MagicCookie = MagicCookie::new("FACADE_TEST_COOKIE", "loud");

async fn start(host: FakeHost) -> Hosted {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    let command = Command::new(target.join("examples/facade-test-plugin"));
    within(host.start(COOKIE, command)).await.unwrap()
}

/// Starts a plugin that must refuse this host, and checks that it says why.
async fn refused(host: FakeHost, code: &str) {
    let plugin = start(host).await;
    assert_eq!(plugin.line(), None, "{host:?}");
    let Observed { status, by_itself, stderr, .. } = within(plugin.end()).await;
    assert_eq!((status, by_itself), (Some(ExitStatus::Code(1)), true), "{host:?}: {stderr}");
    assert!(stderr.contains(code), "{host:?}: {stderr}");
}

#[tokio::test]
async fn a_plugin_refuses_whoever_is_not_its_host() {
    for host in [FakeHost::NoCookie, FakeHost::WrongCookie] {
        refused(host, "HANDSHAKE_NOT_LAUNCHED").await;
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_plugin_does_not_fall_back_to_plaintext() {
    refused(FakeHost::UnreadableCertificate, "SECURITY_CLIENT_CERT_INVALID").await;
}

#[tokio::test]
async fn without_versions_the_lowest_is_served() {
    for (host, version) in [(FakeHost::NoVersions, 2), (FakeHost::DiesWithoutShutdown, 3)] {
        let plugin = start(host).await;
        let line: Handshake = plugin.line().unwrap().parse().unwrap();
        assert_eq!(line.app_version, version);
        plugin.connect().await.unwrap();
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn strangers_are_not_let_in() {
    for (host, code) in [
        (FakeHost::Stranger, "SECURITY_CLIENT_REFUSED"),
        (FakeHost::PlaintextStranger, "PROTOCOL_PEER_NOT_GRPC"),
    ] {
        let plugin = start(host).await;
        let error = within(plugin.connect()).await.unwrap_err();
        let lost = error.code() == "TRANSPORT_DISCONNECTED";
        assert!(error.code() == code || lost, "{host:?}: {error}");
    }
}

#[tokio::test]
async fn a_plugin_goes_on_when_nobody_reads_what_it_prints() {
    let plugin = start(FakeHost::NeverReadsStdio).await;
    let mut kv = KvClient::new(plugin.connect().await.unwrap());
    for _ in 0..3 {
        let reply = within(kv.get(GetRequest::default())).await.unwrap();
        assert_eq!(reply.into_inner().value, b"printed");
    }
    let seen = within(plugin.end()).await;
    assert_eq!((seen.status, seen.by_itself), (Some(ExitStatus::Code(0)), true), "{}", seen.stderr);
}

#[tokio::test]
async fn a_plugin_ends_with_its_host() {
    let plugin = start(FakeHost::DiesWithoutShutdown).await;
    let _channel = plugin.connect().await.unwrap();
    let seen = within(plugin.end()).await;
    assert!(seen.by_itself, "{}", seen.stderr);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_it_leaves_nothing() {
    let plugin = start(FakeHost::DiesWithoutShutdown).await;
    let directory = match &plugin.line().unwrap().parse::<Handshake>().unwrap().address {
        rpcplugin::core::Address::Unix(path) => path.parent().unwrap().to_owned(),
        other => panic!("{other}"),
    };
    let process = format!("/proc/{}", plugin.pid());
    assert!(Path::new(&process).exists() && directory.exists());
    drop(plugin);
    assert!(!Path::new(&process).exists() && !directory.exists());
}

#[tokio::test]
async fn one_that_does_not_notice_its_hosts_end_is_killed_with_its_group() {
    // It prints a line and never reads its stdin. The descendant holds all three pipes.
    let script = "echo 'hello'; sleep 600 & exec sleep 600";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    let plugin = within(FakeHost::DiesWithoutShutdown.start(COOKIE, command)).await.unwrap();
    assert_eq!(plugin.line(), Some("hello"));
    assert_eq!(plugin.connect().await.unwrap_err().code(), "HANDSHAKE_NOT_A_HANDSHAKE");
    let seen = within(plugin.end()).await;
    assert_eq!(seen.status.and_then(ExitStatus::signal), Some(9));
    assert!(!seen.by_itself);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let start = FakeHost::NoVersions.start(COOKIE, Command::new("/nowhere/plugin"));
    assert_eq!(start.await.unwrap_err().code(), "HANDSHAKE_SPAWN_FAILED");
}
