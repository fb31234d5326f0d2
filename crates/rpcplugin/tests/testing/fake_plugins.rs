use std::time::{Duration, Instant};

use rpcplugin::{
    Client, MagicCookie, Tls,
    client::{Builder, ExitStatus, ShutdownOutcome},
    core::Error,
    testing::{FakePlugin, Step},
    transport::{crash_report, error_from_status},
};
use rpcplugin_proto::kv::{GetRequest, kv_client::KvClient};

use crate::{echo::Echo, within};

/// What the fakes that serve become; in the tests' own process it does nothing.
#[test]
fn rpcplugin_fake_plugin() {
    FakePlugin::intercept(Echo::default().plugins());
}

const COOKIE: MagicCookie = MagicCookie::new("FACADE_TEST_COOKIE", "fakes");

fn host() -> Builder {
    let tls = if cfg!(feature = "tls") { Tls::Auto } else { Tls::Plaintext };
    Client::builder(COOKIE).tls(tls)
}

async fn refusal(host: Builder, fake: FakePlugin) -> Error {
    within(host.spawn(fake.command())).await.unwrap_err()
}

#[tokio::test]
async fn each_fake_fails_with_the_code_that_it_promises() {
    for (fake, code) in [
        (FakePlugin::GarbageLine, "HANDSHAKE_NOT_A_HANDSHAKE"),
        (FakePlugin::WrongVersion, "HANDSHAKE_VERSION_MISMATCH"),
        (FakePlugin::Flood, "HANDSHAKE_LINE_TOO_LONG"),
        (FakePlugin::CrashAt(Step::Start), "HANDSHAKE_PLUGIN_EXITED"),
        (FakePlugin::CrashAt(Step::Line), "TRANSPORT_PLUGIN_GONE"),
    ] {
        assert_eq!(refusal(host(), fake).await.code(), code, "{fake:?}");
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn another_certificate_than_the_announced_one_is_refused() {
    let error = refusal(host(), FakePlugin::WrongCertificate).await;
    assert_eq!(error.code(), "SECURITY_PIN_MISMATCH");
    let error = refusal(host().tls(Tls::Plaintext), FakePlugin::WrongCertificate).await;
    assert_eq!(error.code(), "SECURITY_CERT_UNEXPECTED");
}

#[tokio::test]
async fn the_silent_one_is_given_up_after_the_handshake_timeout() {
    let host = host().handshake_timeout(Duration::from_millis(200));
    let start = Instant::now();
    assert_eq!(refusal(host, FakePlugin::Silent).await.code(), "HANDSHAKE_TIMEOUT");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_crash_says_what_the_fake_said() {
    let error = refusal(host(), FakePlugin::CrashAt(Step::Start)).await;
    let report = error.report().unwrap();
    assert_eq!(report.status, Some(ExitStatus::Code(3)));
    assert_eq!(report.stderr, ["fake plugin: crashes as it was told to"]);
}

#[tokio::test]
async fn the_one_that_crashes_in_a_call_starts_in_order() {
    let command = FakePlugin::CrashAt(Step::Call).command();
    let plugin = within(host().spawn(command)).await.unwrap();
    plugin.ping().await.unwrap();
    let mut kv = plugin.dispense(KvClient::new);
    let status = within(kv.get(GetRequest::default())).await.unwrap_err();
    assert_eq!(error_from_status(&status).code(), "TRANSPORT_PLUGIN_GONE");
    assert_eq!(crash_report(&status).unwrap().status, Some(ExitStatus::Code(3)));
}

#[tokio::test]
async fn the_deaf_one_answers_calls_and_has_to_be_killed() {
    let short = Duration::from_millis(200);
    let host = host().grpc_grace_period(short).terminate_timeout(short);
    let plugin = within(host.spawn(FakePlugin::DeafToShutdown.command())).await.unwrap();
    let mut kv = plugin.dispense(KvClient::new);
    let reply = within(kv.get(GetRequest { key: "key".into() })).await.unwrap();
    assert_eq!(reply.into_inner().value, b"key");
    let stopped = within(plugin.shutdown()).await.unwrap();
    assert_eq!(stopped.outcome, ShutdownOutcome::Killed);
    assert_eq!(stopped.status.and_then(ExitStatus::signal), Some(9));
}
