//! Programs that do not become plugins: `docs/faults.md` A.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use rpcplugin::core::{Error, ExitStatus, Phase};
use rpcplugin_tests::{
    Fifo,
    host::{evil_plugin, exists, gone, host, program, refusal, test_plugin},
    leak::{LeakGuard, leak_free},
};
use tokio::process::Command;

/// Asserts that a start is refused with this code and these words.
async fn refused(guard: &LeakGuard, command: Command, code: &str, words: &[&str]) -> Error {
    let error = refusal(host(guard), command).await;
    assert_eq!(error.code(), code, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word:?} is not in: {error}");
    }
    error
}

fn status(error: &Error) -> Option<ExitStatus> {
    error.report().and_then(|report| report.status)
}

#[test]
fn a1_a_missing_program_is_not_found() {
    leak_free(async |guard| {
        let command = guard.command("/nonexistent/plugin");
        refused(guard, command, "HANDSHAKE_SPAWN_NOT_FOUND", &["/nonexistent/plugin"]).await;
    });
}

#[test]
fn a1_a_missing_interpreter_is_told_from_a_missing_program() {
    leak_free(async |guard| {
        let script = guard.scratch().join("plugin");
        std::fs::write(&script, "#!/nonexistent/interpreter\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let command = guard.command(&script);
        let words = ["interpreter", "/nonexistent/interpreter"];
        refused(guard, command, "HANDSHAKE_SPAWN_NOT_FOUND", &words).await;
    });
}

#[test]
fn a1_a_missing_directory_is_told_from_a_missing_program() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        command.current_dir("/nonexistent");
        let words = ["working directory", "/nonexistent"];
        refused(guard, command, "HANDSHAKE_SPAWN_NOT_FOUND", &words).await;
    });
}

#[test]
fn a2_a_program_that_may_not_run_is_denied() {
    leak_free(async |guard| {
        let file = guard.scratch().join("plugin");
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        let command = guard.command(&file);
        refused(guard, command, "HANDSHAKE_SPAWN_DENIED", &["plugin"]).await;
        let command = guard.command(guard.scratch());
        refused(guard, command, "HANDSHAKE_SPAWN_DENIED", &["directory"]).await;
    });
}

#[test]
fn a3_a_truncated_program_has_the_wrong_format() {
    leak_free(async |guard| {
        let file = guard.scratch().join("plugin");
        let whole = std::fs::read(program("evil-plugin")).unwrap();
        std::fs::write(&file, &whole[..60]).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        refused(guard, guard.command(&file), "HANDSHAKE_SPAWN_FORMAT", &["plugin"]).await;
    });
}

#[test]
fn a3_a_program_for_another_machine_is_named() {
    leak_free(async |guard| {
        let file = guard.scratch().join("plugin");
        let mut image = std::fs::read(program("evil-plugin")).unwrap();
        // e_machine: 243 is RISC-V.
        image[18..20].copy_from_slice(&243_u16.to_le_bytes());
        std::fs::write(&file, &image).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        refused(guard, guard.command(&file), "HANDSHAKE_SPAWN_FORMAT", &["RISC-V"]).await;
    });
}

#[test]
fn a5_the_loaders_words_are_in_the_message() {
    leak_free(async |guard| {
        let mut command = guard.command("sh");
        // What the loader writes and how it ends, without a library to take away.
        let script =
            "echo 'plugin: error while loading shared libraries: libnope.so' >&2; exit 127";
        command.args(["-c", script]);
        let words = ["exit code 127", "libnope.so"];
        refused(guard, command, "HANDSHAKE_PLUGIN_EXITED", &words).await;
    });
}

#[test]
fn a6_a_program_that_ends_at_once_has_exited() {
    leak_free(async |guard| {
        let error = refused(guard, guard.command("true"), "HANDSHAKE_PLUGIN_EXITED", &[]).await;
        assert_eq!(status(&error), Some(ExitStatus::Code(0)));
        assert_eq!(error.report().unwrap().phase, Phase::Handshake);
    });
}

#[test]
fn a7_a_program_that_a_signal_ends_says_which() {
    leak_free(async |guard| {
        // A shell, because Rust's runtime takes a SIGSEGV without a fault for an accident.
        let mut command = guard.command("sh");
        command.args(["-c", "kill -SEGV $$"]);
        let error = refused(guard, command, "HANDSHAKE_PLUGIN_EXITED", &["SIGSEGV"]).await;
        assert_eq!(status(&error).unwrap().signal(), Some(11));
    });
}

#[test]
fn its_last_words_are_in_the_report() {
    leak_free(async |guard| {
        let command = evil_plugin(guard, ["flood", "stderr", "300", "exit", "7"]);
        let error = refused(guard, command, "HANDSHAKE_PLUGIN_EXITED", &["exit code 7"]).await;
        let lines = &error.report().unwrap().stderr;
        assert_eq!(lines.len(), 100);
        assert_eq!(lines.first().unwrap(), "line 201 of 300");
        assert_eq!(lines.last().unwrap(), "line 300 of 300");
    });
}

#[test]
fn a8_a_silent_plugin_is_given_up_at_the_timeout() {
    leak_free(async |guard| {
        let builder = host(guard).handshake_timeout(Duration::from_millis(300));
        let started = Instant::now();
        let error = refusal(builder, evil_plugin(guard, ["hang"])).await;
        assert_eq!(error.code(), "HANDSHAKE_TIMEOUT");
        assert!(error.is_retryable());
        assert!(started.elapsed() >= Duration::from_millis(300));
        assert!(error.report().unwrap().pid.is_some());
    });
}

#[test]
fn a8_the_bound_on_the_whole_start_holds_too() {
    leak_free(async |guard| {
        let builder = host(guard).start_timeout(Duration::from_millis(300));
        let error = refusal(builder, evil_plugin(guard, ["hang"])).await;
        assert_eq!(error.code(), "HANDSHAKE_TIMEOUT");
    });
}

#[test]
fn a9_a_grandchild_that_holds_the_pipes_does_not_hold_the_start() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let words = ["child", "hang", "report", reports.path(), "{child}", "exit", "0"];
        let command = evil_plugin(guard, words);
        refused(guard, command, "HANDSHAKE_PLUGIN_EXITED", &["exit code 0"]).await;
        let grandchild = reports.line().await.unwrap().parse().unwrap();
        gone(grandchild).await;
    });
}

/// A start whose line comes so long after it began; if it succeeds, the plugin must answer and end.
async fn line_after(guard: &LeakGuard, wait: Duration, timeout: Duration) -> Result<(), Error> {
    let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
    let line = "1|{version}|{network}|{address}|grpc|{cert}";
    let words = ["listen", "unix", "serve", "grpc-tls", "gate", gate.path(), "line", line, "hang"];
    let start = host(guard).handshake_timeout(timeout).spawn(evil_plugin(guard, words));
    let release = async {
        tokio::time::sleep(wait).await;
        gate.release().await.unwrap();
    };
    let (start, ()) = tokio::join!(start, release);
    std::fs::remove_file(gate.path()).unwrap();
    let client = start?;
    client.ping().await.unwrap();
    client.shutdown().await.unwrap();
    Ok(())
}

#[test]
fn a10_a_line_shortly_before_the_timeout_is_in_time_and_one_shortly_after_is_not() {
    leak_free(async |guard| {
        let timeout = Duration::from_secs(5);
        line_after(guard, timeout * 9 / 10, timeout).await.unwrap();
        let error = line_after(guard, timeout * 11 / 10, timeout).await.unwrap_err();
        assert_eq!(error.code(), "HANDSHAKE_TIMEOUT");
    });
}

#[test]
fn a10_a_line_at_the_very_timeout_makes_a_whole_client_or_none() {
    leak_free(async |guard| {
        let timeout = Duration::from_millis(200);
        for step in 0..20_u32 {
            let part = guard.nested();
            let wait = Duration::from_millis(190) + Duration::from_millis(1) * step;
            if let Err(error) = line_after(guard, wait, timeout).await {
                assert_eq!(error.code(), "HANDSHAKE_TIMEOUT", "{step}: {error}");
            }
            part.check().await;
        }
    });
}

#[test]
fn a12_each_spawn_of_one_builder_is_a_plugin_of_its_own() {
    leak_free(async |guard| {
        let builder = host(guard);
        let first = builder.clone().spawn(test_plugin(guard)).await.unwrap();
        let second = builder.spawn(test_plugin(guard)).await.unwrap();
        assert_ne!(first.pid(), second.pid());
        assert_ne!(first.address(), second.address());
        assert_ne!(first.host_certificate(), second.host_certificate());
        let pid = first.pid();
        first.shutdown().await.unwrap();
        assert!(!exists(pid));
        second.ping().await.unwrap();
        second.shutdown().await.unwrap();
    });
}

#[test]
fn a17_an_environment_that_is_too_long_is_measured() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        command.env("LONG", "x".repeat(3 << 20));
        let error = refused(guard, command, "HANDSHAKE_SPAWN_ARGS_TOO_LONG", &["bytes"]).await;
        assert!(error.to_string().contains("31"), "3 MiB are 3145728 bytes: {error}");
    });
}

#[test]
fn a22_a_directory_for_sockets_that_cannot_be_used_is_refused_before_the_start() {
    leak_free(async |guard| {
        let long = guard.scratch().join("x".repeat(100));
        std::fs::create_dir(&long).unwrap();
        let missing = guard.scratch().join("missing");
        for directory in [missing, long] {
            let builder = host(guard).unix_socket_dir(&directory);
            // A program that leaves a trace if it runs.
            let trace = guard.scratch().join("trace");
            let mut command = guard.command("touch");
            command.arg(&trace);
            let error = refusal(builder, command).await;
            assert_eq!(error.code(), "CONFIG_SOCKET_DIR", "{error}");
            assert!(!trace.exists());
        }
    });
}

#[test]
fn b23_a_plugin_with_another_cookie_says_so_itself() {
    leak_free(async |guard| {
        let cookie = rpcplugin::MagicCookie::new("RPCPLUGIN_TESTS_COOKIE", "another-value");
        let builder = rpcplugin::Client::builder(cookie).unix_socket_dir(guard.base());
        let error = refusal(builder, test_plugin(guard)).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED");
        assert_eq!(status(&error), Some(ExitStatus::Code(1)));
        let text = format!("{error} {error:?} {}", error.to_json());
        assert!(text.contains("HANDSHAKE_NOT_LAUNCHED"), "{text}");
        for secret in ["another-value", "6d2f1c"] {
            assert!(!text.contains(secret), "a cookie shows in {text}");
        }
    });
}

#[test]
fn a_plugin_that_is_started_by_hand_explains_itself() {
    leak_free(async |guard| {
        let output = test_plugin(guard).output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("plugin"), "{words}");
        assert!(!words.contains("6d2f1c"), "{words}");
    });
}
