//! First lines of all kinds: `docs/faults.md` B.

#![cfg(target_os = "linux")]

use std::{io::Read as _, net::TcpListener, time::Duration};

use rpcplugin::{
    Tls,
    client::Builder,
    core::{Error, ExitStatus},
};
use rpcplugin_tests::{
    PeakMemory,
    host::{evil_plugin, host, program, refusal, test_plugin},
    leak::{LeakGuard, leak_free},
};

/// Asserts that a plugin which prints `line` is refused with this code and these words.
async fn refused(builder: Builder, guard: &LeakGuard, line: &str, code: &str, words: &str) {
    let error = refusal(builder, evil_plugin(guard, ["stdout", line, "hang"])).await;
    assert_eq!(error.code(), code, "{line:?}: {error}");
    assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
}

#[test]
fn b1_a_banner_is_not_a_handshake() {
    leak_free(async |guard| {
        let line = r"Welcome to my plugin\n";
        let words = "Welcome to my plugin";
        refused(host(guard), guard, line, "HANDSHAKE_NOT_A_HANDSHAKE", words).await;
    });
}

#[test]
fn b1_a_lenient_host_skips_a_banner() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let banner = r"Welcome\n\nversion 1|2\n";
        let command = evil_plugin(guard, ["stdout", banner, "exec", plugin.to_str().unwrap()]);
        let client = host(guard).lenient_banner(true).spawn(command).await.unwrap();
        client.ping().await.unwrap();
        client.shutdown().await.unwrap();
    });
}

#[test]
fn b1_a_lenient_host_does_not_skip_for_ever() {
    leak_free(async |guard| {
        let command = evil_plugin(guard, ["flood", "stdout", "65", "hang"]);
        let error = refusal(host(guard).lenient_banner(true), command).await;
        assert_eq!(error.code(), "HANDSHAKE_NOT_A_HANDSHAKE", "{error}");
    });
}

#[test]
fn b3_b4_lines_that_are_too_short_are_told_apart() {
    leak_free(async |guard| {
        let plain = || host(guard).tls(Tls::Plaintext);
        refused(plain(), guard, r"1|1|unix\n", "HANDSHAKE_FIELD_COUNT", "3 fields").await;
        let code = "HANDSHAKE_PROTOCOL_UNSUPPORTED";
        refused(plain(), guard, r"1|1|unix|/p\n", code, "netrpc").await;
    });
}

#[test]
fn b7_other_core_versions_are_refused() {
    leak_free(async |guard| {
        for version in ["0", "2", "-1", "+1", "99999999999999999999", "1 ", "\u{661}"] {
            let line = format!(r"{version}|1|unix|/p|grpc|\n");
            refused(host(guard), guard, &line, "HANDSHAKE_CORE_VERSION", "core protocol").await;
        }
    });
}

#[test]
fn b8_a_version_that_was_not_offered_is_refused_with_both_lists() {
    leak_free(async |guard| {
        let builder = host(guard).versions([1, 2]);
        let line = r"1|99|unix|/p|grpc|\n";
        let error = refusal(builder, evil_plugin(guard, ["stdout", line, "hang"])).await;
        assert_eq!(error.code(), "HANDSHAKE_VERSION_MISMATCH");
        let text = error.to_string();
        assert!(text.contains("99") && text.contains("[1, 2]"), "{text}");
    });
}

#[test]
fn our_plugin_without_a_common_version_gets_the_same_error() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        command.arg("versions=5,6");
        let error = refusal(host(guard).versions([1, 2]), command).await;
        assert_eq!(error.code(), "HANDSHAKE_VERSION_MISMATCH", "{error}");
        let text = error.to_string();
        assert!(text.contains('5') && text.contains("[1, 2]"), "{text}");
    });
}

#[test]
fn b10_addresses_without_a_valid_form_are_refused() {
    leak_free(async |guard| {
        for (network, address) in [
            ("unix", "relative/path"),
            ("unix", &format!("/{}", "x".repeat(200))),
            ("unix", "[::1]:1"),
            ("tcp", "example.org:80"),
            ("tcp", "127.0.0.1:0"),
            ("tcp", "127.0.0.1:70000"),
            ("tcp", "127.0.0.1"),
        ] {
            let line = format!(r"1|1|{network}|{address}|grpc|\n");
            let builder = host(guard).tls(Tls::Plaintext);
            refused(builder, guard, &line, "HANDSHAKE_ADDRESS", "").await;
        }
    });
}

#[test]
fn b11_a_foreign_service_receives_nothing() {
    leak_free(async |guard| {
        let victim = TcpListener::bind("127.0.0.1:0").unwrap();
        victim.set_nonblocking(true).unwrap();
        let line = format!(r"1|1|tcp|{}|grpc|\n", victim.local_addr().unwrap());
        let builder = host(guard).tls(Tls::Plaintext);
        refused(builder, guard, &line, "SECURITY_PEER_CREDENTIALS", "").await;
        // A connection may have been made, for its owner is known only then.
        if let Ok((mut stream, _)) = victim.accept() {
            stream.set_nonblocking(false).unwrap();
            assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "the victim received a byte");
        }
    });
}

#[test]
fn b11_addresses_outside_the_policy_are_never_dialled() {
    leak_free(async |guard| {
        let outside = guard.scratch().join("socket");
        let victim = std::os::unix::net::UnixListener::bind(&outside).unwrap();
        victim.set_nonblocking(true).unwrap();
        for (network, address) in
            [("unix", outside.to_str().unwrap()), ("tcp", "192.0.2.1:80"), ("tcp", "0.0.0.0:80")]
        {
            let line = format!(r"1|1|{network}|{address}|grpc|\n");
            let builder = host(guard).tls(Tls::Plaintext);
            refused(builder, guard, &line, "SECURITY_ADDRESS_FORBIDDEN", "").await;
        }
        assert_eq!(victim.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    });
}

#[test]
fn b12_certificates_that_cannot_be_read_are_refused() {
    leak_free(async |guard| {
        for field in ["%".repeat(60), "A".repeat(51), "A".repeat(400), "-_".repeat(40)] {
            let line = format!(r"1|1|tcp|127.0.0.1:1|grpc|{field}\n");
            refused(host(guard), guard, &line, "SECURITY_CERT_INVALID", "").await;
        }
    });
}

#[test]
fn b5_b14_a_missing_certificate_is_an_error_before_any_connection() {
    leak_free(async |guard| {
        let victim = TcpListener::bind("127.0.0.1:0").unwrap();
        victim.set_nonblocking(true).unwrap();
        let address = victim.local_addr().unwrap();
        for rest in ["", "|", "|filler"] {
            let line = format!(r"1|1|tcp|{address}|grpc{rest}\n");
            refused(host(guard), guard, &line, "SECURITY_CERT_MISSING", "").await;
        }
        assert_eq!(victim.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    });
}

#[test]
fn b14_our_plugin_in_plaintext_is_refused_by_a_host_that_wants_tls() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let mut command = guard.command("sh");
        command.args(["-c", r#"unset PLUGIN_CLIENT_CERT; exec "$0""#]).arg(plugin);
        let error = refusal(host(guard), command).await;
        assert_eq!(error.code(), "SECURITY_CERT_MISSING", "{error}");
    });
}

#[test]
fn b13_a_certificate_that_nobody_asked_for_is_refused() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "line", "1|1|{network}|{address}|grpc|{cert}", "hang"];
        let error = refusal(host(guard).tls(Tls::Plaintext), evil_plugin(guard, words)).await;
        assert_eq!(error.code(), "SECURITY_CERT_UNEXPECTED", "{error}");
    });
}

#[test]
fn b6_further_fields_are_ignored() {
    leak_free(async |guard| {
        let line = "1|{version}|{network}|{address}|grpc|{cert}|true|x|y|z";
        let words = ["listen", "unix", "serve", "grpc-tls", "line", line, "hang"];
        let client = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
        client.ping().await.unwrap();
        client.shutdown().await.unwrap();
    });
}

#[test]
fn b15_64_mib_without_a_newline_end_the_start_and_are_not_held() {
    leak_free(async |guard| {
        let memory = PeakMemory::start();
        let command = evil_plugin(guard, ["fill", "stdout", "67108864", "hang"]);
        let error = refusal(host(guard), command).await;
        assert_eq!(error.code(), "HANDSHAKE_LINE_TOO_LONG", "{error}");
        assert!(error.to_string().len() < 4096);
        assert!(memory.growth() < 16 << 20, "grew by {}", memory.growth());
    });
}

#[test]
fn b16_a_line_without_an_end_ends_the_start() {
    leak_free(async |guard| {
        let endless = usize::MAX.to_string();
        let command = evil_plugin(guard, ["fill", "stdout", &endless]);
        let error = refusal(host(guard), command).await;
        assert_eq!(error.code(), "HANDSHAKE_LINE_TOO_LONG", "{error}");
    });
}

#[test]
fn b18_bytes_that_are_no_text_are_shown_escaped() {
    leak_free(async |guard| {
        let shown = r"\xff\x1b[2J";
        refused(host(guard), guard, r"\xff\x1b[2J\n", "HANDSHAKE_LINE_NOT_UTF8", shown).await;
        refused(host(guard), guard, r"\x1b[2J\n", "HANDSHAKE_NOT_A_HANDSHAKE", r"\x1b[2J").await;
    });
}

#[test]
fn b20_a_good_line_and_an_immediate_exit_is_an_exit() {
    leak_free(async |guard| {
        let line = "1|1|{network}|{address}|grpc|{cert}";
        let words = ["listen", "unix", "line", line, "exit", "3"];
        let error = refusal(host(guard), evil_plugin(guard, words)).await;
        let codes = ["HANDSHAKE_PLUGIN_EXITED", "TRANSPORT_PLUGIN_GONE"];
        assert!(codes.contains(&error.code()), "{error:?}");
        assert_eq!(error.report().unwrap().status, Some(ExitStatus::Code(3)));
    });
}

#[test]
fn b21_b22_what_happens_to_stdout_after_the_line_does_not_matter() {
    leak_free(async |guard| {
        let line = "1|{version}|{network}|{address}|grpc|{cert}";
        for after in [vec!["close", "stdout"], vec!["line", line], vec!["stdout", "stray"]] {
            let mut words = vec!["listen", "unix", "serve", "grpc-tls", "line", line];
            words.extend(after);
            words.push("hang");
            let client = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
            client.ping().await.unwrap();
            client.shutdown().await.unwrap();
        }
    });
}

#[test]
fn b17_a_line_that_never_ends_is_a_timeout() {
    leak_free(async |guard| {
        let builder = host(guard).handshake_timeout(Duration::from_millis(300));
        let error: Error =
            refusal(builder, evil_plugin(guard, ["stdout", "1|1|unix", "hang"])).await;
        assert_eq!(error.code(), "HANDSHAKE_TIMEOUT");
        let report = error.report().unwrap();
        assert!(report.stdout.iter().any(|line| line.contains("1|1|unix")), "{report}");
    });
}

#[test]
fn b24_our_plugin_skips_versions_that_it_cannot_read() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let mut command = guard.command("sh");
        let script = r#"PLUGIN_PROTOCOL_VERSIONS=1,,x,999999999999; exec "$0""#;
        command.args(["-c", script]).arg(plugin);
        let client = host(guard).spawn(command).await.unwrap();
        assert_eq!(client.version(), 1);
        client.shutdown().await.unwrap();
    });
}
