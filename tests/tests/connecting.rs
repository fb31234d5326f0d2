//! Good lines with nothing good behind them: `docs/faults.md` C.

#![cfg(target_os = "linux")]

use std::time::Duration;

use rpcplugin::Tls;
use rpcplugin_tests::{
    host::{evil_plugin, host, refusal},
    leak::{LeakGuard, leak_free},
};

const PLAIN: &str = "1|{version}|{network}|{address}|grpc|";
const SECURE: &str = "1|{version}|{network}|{address}|grpc|{cert}";

/// The code of the refusal of a plugin that serves in this manner.
async fn code(guard: &LeakGuard, tls: Tls, words: &[&str]) -> &'static str {
    // More than the half second for which a lost connection waits for the end of its process.
    let limit = Duration::from_millis(1500);
    let builder = host(guard).tls(tls).connection_timeout(limit).channel_ready_timeout(limit);
    refusal(builder, evil_plugin(guard, words)).await.code()
}

#[test]
fn c1_nobody_listens_at_a_stale_address() {
    leak_free(async |guard| {
        // Port 1 is below all that the system hands out, and needs root to bind.
        let words = ["line", "1|{version}|tcp|127.0.0.1:1|grpc|", "hang"];
        assert_eq!(code(guard, Tls::Plaintext, &words).await, "TRANSPORT_REFUSED");
    });
}

#[test]
fn c2_a_socket_that_is_gone_is_not_found() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "unlink", "line", PLAIN, "hang"];
        assert_eq!(code(guard, Tls::Plaintext, &words).await, "TRANSPORT_NOT_FOUND");
    });
}

#[test]
fn c6_a_peer_that_speaks_something_else_is_named() {
    leak_free(async |guard| {
        for bytes in
            [r"bytes:HTTP/1.1 400 Bad Request\r\n\r\n", r"bytes:\x15\x03\x01\x00\x02\x02\x28"]
        {
            let words = ["listen", "unix", "serve", bytes, "line", PLAIN, "hang"];
            let code = code(guard, Tls::Plaintext, &words).await;
            assert_eq!(code, "PROTOCOL_PEER_NOT_GRPC", "{bytes}");
        }
    });
}

#[test]
fn c6_a_peer_that_hangs_up_is_named() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "serve", "close", "line", PLAIN, "hang"];
        assert_eq!(code(guard, Tls::Plaintext, &words).await, "TRANSPORT_DISCONNECTED");
        // A server that cannot read TLS hangs up without a byte, so that is what it looks like.
        let words = ["listen", "unix", "serve", "close", "line", SECURE, "hang"];
        assert_eq!(code(guard, Tls::Auto, &words).await, "SECURITY_NOT_TLS");
    });
}

#[test]
fn c7_a_peer_that_stays_silent_is_given_up() {
    leak_free(async |guard| {
        for (tls, line) in [(Tls::Plaintext, PLAIN), (Tls::Auto, SECURE)] {
            for listen in ["unix", "tcp"] {
                let words = ["listen", listen, "serve", "silent", "line", line, "hang"];
                assert_eq!(
                    code(guard, tls.clone(), &words).await,
                    "TRANSPORT_CONNECT_TIMEOUT",
                    "{tls:?}"
                );
            }
        }
    });
}

#[test]
fn c4_a_socket_that_nobody_accepts_from_is_given_up() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "line", PLAIN, "hang"];
        assert_eq!(code(guard, Tls::Plaintext, &words).await, "TRANSPORT_CONNECT_TIMEOUT");
    });
}

#[test]
fn a_network_that_the_host_does_not_allow_is_refused() {
    leak_free(async |guard| {
        let builder = host(guard).transports([rpcplugin::core::Network::Tcp]);
        let words = ["listen", "unix", "line", SECURE, "hang"];
        let error = refusal(builder, evil_plugin(guard, words)).await;
        assert_eq!(error.code(), "HANDSHAKE_TRANSPORT_MISMATCH", "{error}");
    });
}

#[test]
fn a_foreign_plugin_without_any_service_is_a_plugin_all_the_same() {
    leak_free(async |guard| {
        for (tls, manner, line) in
            [(Tls::Plaintext, "bare", PLAIN), (Tls::Auto, "bare-tls", SECURE)]
        {
            for listen in ["unix", "tcp"] {
                let words = ["listen", listen, "serve", manner, "line", line, "hang"];
                let client =
                    host(guard).tls(tls.clone()).spawn(evil_plugin(guard, words)).await.unwrap();
                client.ping().await.unwrap();
                client.kill().await;
            }
        }
    });
}
