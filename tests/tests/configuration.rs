//! Settings that cannot work start nothing: `docs/faults.md` L.

#![cfg(target_os = "linux")]

use rpcplugin::{Client, client::Builder, core::MagicCookie};
use rpcplugin_tests::{
    host::{host, program, refusal},
    leak::{LeakGuard, leak_free},
};
use tokio::process::Command;

/// Asserts that a start is refused with this code, and that the program did not run.
async fn refused(guard: &LeakGuard, builder: Builder, code: &str, change: impl Fn(&mut Command)) {
    let trace = guard.scratch().join("trace");
    let mut command = guard.command("touch");
    command.arg(&trace);
    change(&mut command);
    let error = refusal(builder, command).await;
    assert_eq!(error.code(), code, "{error}");
    assert!(!trace.exists(), "{code}: the program ran");
}

#[test]
fn l1_l2_l5_l6_settings_that_cannot_work_are_refused_before_anything_starts() {
    leak_free(async |guard| {
        for (key, value) in [("", "v"), ("K", ""), ("PLUGIN_CLIENT_CERT", "v"), ("A=B", "v")] {
            let builder = Client::builder(MagicCookie::new(key, value));
            refused(guard, builder, "CONFIG_COOKIE", |_| ()).await;
        }
        for versions in [vec![], vec![1, 1], vec![u32::MAX]] {
            let builder = host(guard).versions(versions);
            refused(guard, builder, "CONFIG_PROTOCOL_VERSIONS", |_| ()).await;
        }
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is wrong with it")]
        refused(guard, host(guard).ports(20..=10), "CONFIG_PORT_RANGE", |_| ()).await;
        let builder = host(guard).unix_socket_group("no-such-group");
        refused(guard, builder, "CONFIG_SOCKET_GROUP", |_| ()).await;
    });
}

#[test]
fn l7_variables_that_no_environment_can_hold_are_refused() {
    leak_free(async |guard| {
        for name in ["PLUGIN_PROTOCOL_VERSIONS", "RPCPLUGIN_LIFELINE"] {
            let change = |command: &mut Command| {
                command.env(name, "mine");
            };
            refused(guard, host(guard), "CONFIG_ENV", change).await;
        }
    });
}

#[test]
fn l5_our_plugin_refuses_ports_that_it_cannot_read() {
    leak_free(async |guard| {
        let mut command = guard.command("sh");
        let script = r#"PLUGIN_MIN_PORT=x; RPCPLUGIN_TRANSPORTS=tcp; exec "$0""#;
        command.args(["-c", script]).arg(program("test-plugin"));
        let error = refusal(host(guard), command).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED");
        assert!(error.to_string().contains("CONFIG_PORT_RANGE"), "{error}");
    });
}

#[test]
fn a22_our_plugin_refuses_a_directory_that_it_cannot_use() {
    leak_free(async |guard| {
        let mut command = guard.command("sh");
        let script = r#"PLUGIN_UNIX_SOCKET_DIR=/nonexistent; exec "$0""#;
        command.args(["-c", script]).arg(program("test-plugin"));
        let error = refusal(host(guard), command).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED");
        assert!(error.to_string().contains("CONFIG_SOCKET_DIR"), "{error}");
    });
}
