//! Errors of the kind Handshake, as a person sees them.

use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use rpcplugin::core::Network;
use rpcplugin_tests::{
    Shortage, golden, golden_line,
    host::{evil_plugin, host, program, refusal, test_plugin},
    leak::leak_free,
};

use crate::{told, told_of};

fn executable(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_missing_program() {
    told("HANDSHAKE_SPAWN_NOT_FOUND.program", async |guard| {
        (host(guard), guard.command("/nonexistent/plugin"))
    });
}

#[test]
fn a_missing_interpreter() {
    told("HANDSHAKE_SPAWN_NOT_FOUND.interpreter", async |guard| {
        let script = guard.scratch().join("plugin");
        executable(&script, b"#!/nonexistent/interpreter\n");
        (host(guard), guard.command(script))
    });
}

#[test]
fn a_missing_directory() {
    told("HANDSHAKE_SPAWN_NOT_FOUND.directory", async |guard| {
        let mut command = test_plugin(guard);
        command.current_dir("/nonexistent");
        (host(guard), command)
    });
}

#[test]
fn a_directory_instead_of_a_program() {
    told("HANDSHAKE_SPAWN_DENIED.directory", async |guard| {
        (host(guard), guard.command(guard.scratch()))
    });
}

#[test]
fn a_program_for_another_machine() {
    told("HANDSHAKE_SPAWN_FORMAT.machine", async |guard| {
        let file = guard.scratch().join("plugin");
        let mut image = std::fs::read(program("evil-plugin")).unwrap();
        // e_machine: 243 is RISC-V.
        image[18..20].copy_from_slice(&243_u16.to_le_bytes());
        executable(&file, &image);
        (host(guard), guard.command(file))
    });
}

#[test]
fn an_environment_that_is_too_long() {
    leak_free(async |guard| {
        let mut command = guard.command("true");
        command.env("LONG", "x".repeat(3 << 20));
        golden("HANDSHAKE_SPAWN_ARGS_TOO_LONG.environment", &refusal(host(guard), command).await);
    });
}

#[test]
fn no_descriptor_left() {
    leak_free(async |guard| {
        // What a start needs first is another resource.
        for free in 0..64 {
            let part = guard.nested();
            let shortage = Shortage::of(free);
            let start = host(guard).spawn(test_plugin(guard)).await;
            drop(shortage);
            let error = start.expect_err("a start needs descriptors");
            part.check().await;
            if error.code() == "HANDSHAKE_SPAWN_RESOURCES" {
                return golden("HANDSHAKE_SPAWN_RESOURCES.descriptors", &error);
            }
        }
        panic!("the start of a process needs no descriptors");
    });
}

#[test]
fn an_argument_that_no_system_takes() {
    told("HANDSHAKE_SPAWN_FAILED.nul", async |guard| {
        let mut command = guard.command("true");
        command.arg("a\0b");
        (host(guard), command)
    });
}

#[test]
fn a_program_that_says_nothing() {
    told_of("HANDSHAKE_PLUGIN_EXITED.silent", &["exit", "3"]);
}

#[test]
fn a_program_that_returns_without_serving() {
    told_of("HANDSHAKE_PLUGIN_EXITED.returned", &["exit", "0"]);
}

#[test]
fn a_program_that_crashes() {
    told("HANDSHAKE_PLUGIN_EXITED.crashed", async |guard| {
        let mut command = guard.command("sh");
        command.args(["-c", "kill -SEGV $$"]);
        (host(guard), command)
    });
}

#[test]
fn a_program_with_last_words() {
    let words = ["stderr", r"opening the database\nno such table: users\n", "exit", "1"];
    told_of("HANDSHAKE_PLUGIN_EXITED.last_words", &words);
}

#[test]
fn a_plugin_with_a_reason_and_a_hint() {
    told("HANDSHAKE_PLUGIN_EXITED.reason_and_hint", async |guard| {
        let mut command = guard.command("sh");
        let script = r#"PLUGIN_UNIX_SOCKET_DIR=/nonexistent; exec "$0""#;
        command.args(["-c", script]).arg(program("test-plugin"));
        (host(guard), command)
    });
}

#[test]
fn a_plugin_with_another_cookie() {
    told("HANDSHAKE_PLUGIN_EXITED.another_cookie", async |guard| {
        let mut command = guard.command("sh");
        let script = r#"RPCPLUGIN_TESTS_COOKIE=other; exec "$0""#;
        command.args(["-c", script]).arg(program("test-plugin"));
        (host(guard), command)
    });
}

#[test]
fn a_plugin_that_is_started_by_hand() {
    leak_free(async |guard| {
        let output = test_plugin(guard).output().await.unwrap();
        assert!(output.stdout.is_empty(), "{output:?}");
        let line = String::from_utf8(output.stderr).unwrap();
        golden_line("HANDSHAKE_NOT_LAUNCHED.by_hand", &line);
    });
}

#[test]
fn a_silent_plugin() {
    told("HANDSHAKE_TIMEOUT.silent", async |guard| {
        let builder = host(guard).handshake_timeout(Duration::from_secs(3));
        let words = ["stderr", r"waiting for the database\n", "stdout", "1|1|unix", "hang"];
        (builder, evil_plugin(guard, words))
    });
}

#[test]
fn a_banner() {
    let words = ["stdout", r"Welcome to my plugin\n", "hang"];
    told_of("HANDSHAKE_NOT_A_HANDSHAKE.banner", &words);
}

#[test]
fn a_line_without_end() {
    told_of("HANDSHAKE_LINE_TOO_LONG.endless", &["fill", "stdout", "1000000", "hang"]);
}

#[test]
fn a_line_that_is_no_text() {
    told_of("HANDSHAKE_LINE_NOT_UTF8.bytes", &["stdout", r"\xff\x1b[2J\n", "hang"]);
}

#[test]
fn a_line_that_is_cut() {
    told_of("HANDSHAKE_FIELD_COUNT.cut", &["stdout", r"1|1|unix\n", "hang"]);
}

#[test]
fn another_core_version() {
    told_of("HANDSHAKE_CORE_VERSION.two", &["stdout", r"2|1|unix|/p|grpc|\n", "hang"]);
}

#[test]
fn another_version() {
    told("HANDSHAKE_VERSION_MISMATCH.newer", async |guard| {
        let words = ["stdout", r"1|5|unix|/p|grpc|\n", "hang"];
        (host(guard).versions([1, 2]), evil_plugin(guard, words))
    });
}

#[test]
fn another_network() {
    told("HANDSHAKE_TRANSPORT_MISMATCH.unix", async |guard| {
        let line = "1|{version}|{network}|{address}|grpc|{cert}";
        let words = ["listen", "unix", "line", line, "hang"];
        (host(guard).transports([Network::Tcp]), evil_plugin(guard, words))
    });
}

#[test]
fn net_rpc() {
    told_of("HANDSHAKE_PROTOCOL_UNSUPPORTED.netrpc", &["stdout", r"1|1|unix|/p\n", "hang"]);
}

#[test]
fn a_name_instead_of_an_address() {
    let line = r"1|1|tcp|example.org:80|grpc|\n";
    told_of("HANDSHAKE_ADDRESS.name", &["stdout", line, "hang"]);
}

#[test]
fn no_multiplexing() {
    told("HANDSHAKE_MUX_UNSUPPORTED.old_plugin", async |guard| {
        let line = "1|{version}|{network}|{address}|grpc|{cert}";
        let words = ["listen", "unix", "serve", "grpc-tls", "line", line, "hang"];
        (host(guard).multiplex_grpc(true), evil_plugin(guard, words))
    });
}
