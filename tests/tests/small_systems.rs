//! File systems without room, and process numbers that are used again: `docs/faults.md` A22, H12,
//! I2, K5. Each runs in namespaces of its own.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use rpcplugin::{
    Tls,
    client::ShutdownOutcome,
    core::{Error, ExitStatus},
};
use rpcplugin_tests::{
    Fifo,
    host::{host, probe, program, refusal, test_plugin},
    leak::LeakGuard,
    namespaces::{Need, SmallFilesystem, in_namespaces, spawn_as},
    running::Debugged,
};
use tokio::process::Child;

/// Asserts that no plugin starts with its socket in here, and that nothing ran.
async fn refused(guard: &LeakGuard, directory: &Path) -> Error {
    let trace = guard.scratch().join("trace");
    let mut command = guard.command("touch");
    command.arg(&trace);
    let error = refusal(host(guard).unix_socket_dir(directory), command).await;
    assert_eq!(error.code(), "CONFIG_SOCKET_DIR", "{error}");
    assert!(!trace.exists(), "the program ran");
    error
}

/// That nothing fits in there, as the system says it.
fn assert_full(error: &Error) {
    let source = std::error::Error::source(error).map(ToString::to_string);
    let words = format!("{error}: {source:?}");
    assert!(words.contains("No space left on device"), "{words}");
}

#[test]
fn k5_without_inodes_no_plugin_starts() {
    in_namespaces("k5_without_inodes_no_plugin_starts", Need::Mounts, async |guard| {
        // One inode is the root's.
        let full = SmallFilesystem::mount(guard, "full", "size=64k,nr_inodes=1").await;
        assert_full(&refused(guard, full.path()).await);
        full.unmount(guard).await;

        // One more is the directory's, and the plugin has none for its socket.
        let full = SmallFilesystem::mount(guard, "scant", "size=64k,nr_inodes=2").await;
        let error = refusal(host(guard).unix_socket_dir(full.path()), test_plugin(guard)).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED", "{error}");
        assert_eq!(error.report().unwrap().status, Some(ExitStatus::Code(1)));
        let words = &error.report().unwrap().stderr;
        let told = words.iter().filter(|line| line.contains("CONFIG_SOCKET_DIR")).count();
        assert_eq!(told, 1, "{words:?}");

        // And with one for the socket it starts.
        full.unmount(guard).await;
        let enough = SmallFilesystem::mount(guard, "enough", "size=64k,nr_inodes=3").await;
        let builder = host(guard).unix_socket_dir(enough.path());
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        probe(&client).echo(vec![1]).await.unwrap();
        client.shutdown().await.unwrap();
        enough.unmount(guard).await;
    });
}

#[test]
fn k5_on_a_full_disk_sockets_fit_and_a_private_copy_does_not() {
    const NAME: &str = "k5_on_a_full_disk_sockets_fit_and_a_private_copy_does_not";
    in_namespaces(NAME, Need::Mounts, async |guard| {
        let full = SmallFilesystem::mount(guard, "full", "size=4k").await;
        let filling = full.path().join("filling");
        std::fs::write(&filling, [0; 4096]).unwrap();
        assert!(std::fs::write(full.path().join("more"), [0]).is_err(), "it is full");
        std::fs::remove_file(full.path().join("more")).unwrap();
        // Here directories and sockets are inodes, and take no block.
        let builder = host(guard).unix_socket_dir(full.path());
        let client = builder.clone().spawn(test_plugin(guard)).await.unwrap();
        probe(&client).echo(vec![1]).await.unwrap();
        client.shutdown().await.unwrap();

        // A script that is hashed runs as a copy, which takes one.
        let (script, trace) = (guard.scratch().join("script"), guard.scratch().join("trace"));
        let text = format!("#!/bin/sh\n: >'{}'\n", trace.display());
        std::fs::write(&script, &text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let error = refusal(builder.sha256([&digest]), guard.command(&script)).await;
        assert_eq!(error.code(), "CONFIG_SOCKET_DIR", "{error}");
        assert_full(&error);
        assert!(!trace.exists(), "the script ran");
        std::fs::remove_file(filling).unwrap();
        full.unmount(guard).await;
    });
}

#[test]
fn a22_full_and_read_only_directories_are_refused_by_both_sides() {
    const NAME: &str = "a22_full_and_read_only_directories_are_refused_by_both_sides";
    in_namespaces(NAME, Need::Mounts, async |guard| {
        for options in ["size=4k,nr_inodes=1", "ro"] {
            let directory = SmallFilesystem::mount(guard, "bad", options).await;
            refused(guard, directory.path()).await;

            let mut command = guard.command("sh");
            // The host's own place is good, and this is what reaches the plugin.
            let script = r#"export PLUGIN_UNIX_SOCKET_DIR="$0"; exec "$@""#;
            command.args(["-c", script]).arg(directory.path()).arg(program("test-plugin"));
            let error = refusal(host(guard), command).await;
            assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED", "{error}");
            let report = error.report().unwrap();
            assert_eq!(report.status, Some(ExitStatus::Code(1)));
            let told = report.stderr.iter().filter(|line| line.contains("CONFIG_SOCKET_DIR"));
            assert_eq!(told.count(), 1, "{:?}", report.stderr);
            directory.unmount(guard).await;
            std::fs::remove_dir(guard.scratch().join("bad")).unwrap();
        }
    });
}

/// Somebody who gets a number that a plugin had, in a group of the same number.
async fn successor(guard: &LeakGuard, number: u32) -> Child {
    spawn_as(number, || {
        let mut command = guard.command("sleep");
        command.arg("600").process_group(0);
        command
    })
    .await
}

/// Asserts that nobody sent it a signal: each would have ended it.
async fn assert_untouched(mut successor: Child) {
    assert!(successor.try_wait().unwrap().is_none(), "it was signalled");
    successor.kill().await.unwrap();
}

#[test]
fn h12_a_number_that_is_used_again_is_not_signalled() {
    const NAME: &str = "h12_a_number_that_is_used_again_is_not_signalled";
    in_namespaces(NAME, Need::ProcessNumbers, async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let mut command = guard.command("sh");
        // The shell is the process that the host started; what serves is its child.
        let script = r#"trap 'echo SIGTERM >"$REPORTS"; read go <"$GATE"; exit 7' TERM
            "$0" "$@" & wait"#;
        let line = "1|{version}|{network}|{address}|grpc|{cert}";
        command.args(["-c", script]).arg(program("evil-plugin"));
        command.args(["listen", "unix", "serve", "deaf-tls", "line", line, "hang"]);
        command.env("REPORTS", reports.path()).env("GATE", gate.path());
        let client = host(guard)
            .grpc_grace_period(Duration::from_millis(100))
            .terminate_timeout(Duration::from_secs(60))
            .spawn(command)
            .await
            .unwrap();
        let (other, number) = (client.clone(), client.pid());
        let stop = tokio::spawn(client.shutdown());
        assert_eq!(reports.line().await.unwrap(), "SIGTERM");
        gate.release().await.unwrap();
        // From the moment on in which the number is free, while the host is still at its work.
        let successor = successor(guard, number).await;
        let report = stop.await.unwrap().unwrap();
        assert_eq!(report.outcome, ShutdownOutcome::Terminated);
        assert_eq!(report.status, Some(ExitStatus::Code(7)));
        other.kill().await;
        drop(other);
        assert_untouched(successor).await;
    });
}

#[test]
fn i2_a_number_that_is_used_again_is_neither_attached_nor_signalled() {
    const NAME: &str = "i2_a_number_that_is_used_again_is_neither_attached_nor_signalled";
    in_namespaces(NAME, Need::ProcessNumbers, async |guard| {
        let plugin = Debugged::start(guard).await;
        let mut record = plugin.record.clone();
        record.test = false;
        plugin.stop().await;
        let mut other = successor(guard, record.pid).await;
        while started(record.pid) == record.start_time {
            // The clock that tells them apart ticks every 10 ms.
            other.kill().await.unwrap();
            other = successor(guard, record.pid).await;
        }
        let attached = host(guard).tls(Tls::Plaintext).attach(record);
        let error = attached.await.unwrap_err();
        assert_eq!(error.code(), "SECURITY_REATTACH_STALE", "{error}");
        assert_untouched(other).await;
    });
}

/// When a process started, in clock ticks.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}
