//! Who may talk to whom: `docs/faults.md` D.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::time::Duration;

use rpcplugin::{
    Client, Tls,
    client::ShutdownOutcome,
    core::{ExitStatus, Network},
};
use rpcplugin_proto::kv::GetRequest;
use rpcplugin_tests::{
    host::{evil_plugin, host, kv, program, refusal, test_plugin},
    leak::leak_free,
    stranger::{self, Papers},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};
use tonic::Code;

const LINE: &str = "1|{version}|{network}|{address}|grpc|{cert}";
/// `PutRequest { key: "k", value: "v" }`.
const PUT: &[u8] = b"\x0a\x01k\x12\x01v";

/// Asserts that nobody stored a value, by asking as the plugin's own host.
async fn untouched(client: &Client) {
    let status = kv(client).get(GetRequest { key: "k".into() }).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[test]
fn d3_d4_strangers_reach_no_handler_and_the_plugin_lives() {
    leak_free(async |guard| {
        for network in [Network::Unix, Network::Tcp] {
            let client = host(guard).transports([network]).spawn(test_plugin(guard)).await.unwrap();
            for papers in [Papers::None, Papers::Own, Papers::Plaintext] {
                for method in ["/proto.KV/Put", "/plugin.GRPCController/Shutdown"] {
                    let message = if method.ends_with("Put") { PUT } else { &[] };
                    let call = stranger::call(&client, papers, method, message);
                    let answer = tokio::time::timeout(Duration::from_secs(10), call).await.unwrap();
                    assert!(answer.is_err(), "{papers:?} was answered over {network}");
                    untouched(&client).await;
                }
            }
            let report = client.shutdown().await.unwrap();
            assert_eq!(report.outcome, ShutdownOutcome::Graceful);
        }
    });
}

#[test]
fn d3_the_plugin_tells_whom_it_refused() {
    leak_free(async |guard| {
        let (log, stderr) = tokio::io::duplex(64 * 1024);
        let client = host(guard).raw_stderr(stderr).spawn(test_plugin(guard)).await.unwrap();
        let call = stranger::call(&client, Papers::None, "/proto.KV/Put", PUT);
        assert!(call.await.is_err());
        let told = async {
            let mut lines = BufReader::new(log).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains("SECURITY_CLIENT_REFUSED") {
                    return;
                }
            }
            panic!("the plugin ended without a word");
        };
        tokio::time::timeout(Duration::from_secs(5), told).await.unwrap();
        client.shutdown().await.unwrap();
    });
}

#[test]
fn without_tls_a_stranger_of_the_same_user_is_served() {
    // Not a wish but a control: the calls of the other tests are well formed, so it is TLS that
    // refuses them.
    leak_free(async |guard| {
        let client = host(guard).tls(Tls::Plaintext).spawn(test_plugin(guard)).await.unwrap();
        stranger::call(&client, Papers::Plaintext, "/proto.KV/Put", PUT).await.unwrap();
        let stored = kv(&client).get(GetRequest { key: "k".into() }).await.unwrap();
        assert_eq!(&stored.get_ref().value[..], b"v");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn both_sides_know_the_certificate_of_this_start() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let (host, plugin) = (client.host_certificate(), client.peer_certificate());
        assert_ne!(host.unwrap().fingerprint(), plugin.unwrap().fingerprint());
        let info = client.tls_info().unwrap();
        assert!(format!("{info:?}").contains("1.3"), "{info:?}");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn d1_another_certificate_than_announced_is_refused() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "serve", "other-tls", "line", LINE, "hang"];
        let error = refusal(host(guard), evil_plugin(guard, words)).await;
        assert_eq!(error.code(), "SECURITY_PIN_MISMATCH", "{error:?}");
    });
}

#[test]
fn d2_the_announced_certificate_without_its_key_is_refused() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "serve", "copied-tls", "line", LINE, "hang"];
        let error = refusal(host(guard), evil_plugin(guard, words)).await;
        assert_eq!(error.code(), "SECURITY_BAD_SIGNATURE", "{error:?}");
    });
}

#[test]
fn d5_plaintext_behind_an_announced_certificate_is_refused() {
    leak_free(async |guard| {
        for manner in ["grpc", r"bytes:HTTP/1.1 400 Bad Request\r\n\r\n", r"bytes:\x00\x01\x02"] {
            let words = ["listen", "unix", "serve", manner, "line", LINE, "hang"];
            let error = refusal(host(guard), evil_plugin(guard, words)).await;
            assert_eq!(error.code(), "SECURITY_NOT_TLS", "{manner}: {error:?}");
        }
    });
}

#[test]
fn d11_a_plugin_that_cannot_read_the_hosts_certificate_does_not_serve() {
    leak_free(async |guard| {
        for value in ["garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let plugin = program("test-plugin");
            let mut command = guard.command("sh");
            command.args(["-c", r#"PLUGIN_CLIENT_CERT="$1"; exec "$0""#]).arg(plugin).arg(value);
            let error = refusal(host(guard), command).await;
            assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED", "{error}");
            assert!(error.to_string().contains("SECURITY_CLIENT_CERT_INVALID"), "{error}");
            assert_eq!(error.report().unwrap().status, Some(ExitStatus::Code(1)));
        }
    });
}

#[test]
fn a_plugin_that_requires_tls_refuses_a_host_without() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        command.arg("require-tls");
        let error = refusal(host(guard).tls(Tls::Plaintext), command).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED", "{error}");
        assert!(error.to_string().contains("SECURITY_TLS_REQUIRED"), "{error}");
    });
}

#[test]
fn d6_connections_that_never_finish_their_handshake_are_dropped() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let rpcplugin::core::Address::Unix(socket) = client.address().clone() else {
            panic!("Unix sockets are the default")
        };
        let mut connections = Vec::new();
        for number in 0..200_u8 {
            let mut connection = UnixStream::connect(&socket).await.unwrap();
            if number % 2 == 0 {
                // The type of a TLS handshake record, and then nothing.
                connection.write_all(&[0x16]).await.unwrap();
            }
            connections.push(connection);
        }
        for _ in 0..100 {
            untouched(&client).await;
        }
        let dropped = async {
            for mut connection in connections {
                let mut rest = Vec::new();
                // An alert may come first; how it ends does not matter.
                let _ = connection.read_to_end(&mut rest).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), dropped).await.unwrap();
        untouched(&client).await;
        client.shutdown().await.unwrap();
    });
}

#[test]
fn d14_every_start_has_its_own_keys() {
    leak_free(async |guard| {
        let mut fingerprints = std::collections::BTreeSet::new();
        for _ in 0..10 {
            let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
            for certificate in [client.host_certificate(), client.peer_certificate()] {
                fingerprints.insert(certificate.unwrap().fingerprint().to_string());
            }
            client.shutdown().await.unwrap();
        }
        assert_eq!(fingerprints.len(), 20);
    });
}
