//! Our plugin under a host that is not ours and knows none of our extensions.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rpcplugin::transport::{ChannelOptions, Generation, PluginChannel, UnixConnector};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_tests::{
    Fifo,
    host::{gone, program, signal, test_plugin},
    leak::{LeakGuard, leak_free},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

/// What such a host sets at least.
fn launch(guard: &LeakGuard, command: &mut Command) {
    command.env("RPCPLUGIN_TESTS_COOKIE", "6d2f1c").env("TMPDIR", guard.base());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
}

/// Reads the handshake line.
async fn line(plugin: &mut Child) -> (String, BufReader<ChildStdout>) {
    let mut stdout = BufReader::new(plugin.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).await.unwrap();
    (line, stdout)
}

fn socket(line: &str) -> PathBuf {
    line.split('|').nth(3).unwrap().into()
}

async fn connect(socket: &Path) -> ProbeClient<PluginChannel> {
    let connector = UnixConnector::new(socket);
    let options = ChannelOptions::default();
    ProbeClient::new(PluginChannel::connect(connector, options, Generation::new()).await.unwrap())
}

/// Ends the plugin by a signal, and asserts how it ended and that it cleaned up.
async fn ends(mut plugin: Child, socket: &Path, by: Signal, code: i32) {
    signal(plugin.id().unwrap(), by);
    let status = tokio::time::timeout(Duration::from_secs(3), plugin.wait()).await;
    assert_eq!(status.unwrap().unwrap().code(), Some(code));
    assert!(!socket.exists());
}

#[test]
fn the_line_has_six_fields_and_a_seventh_only_as_an_answer() {
    leak_free(async |guard| {
        // The seventh answers a host that asks whether its connections are multiplexed.
        for (name, value, seventh) in [
            ("UNUSED", "", None),
            ("PLUGIN_MULTIPLEX_GRPC", "", None),
            ("PLUGIN_MULTIPLEX_GRPC", "true", Some("true")),
            ("PLUGIN_MULTIPLEX_GRPC", "F", Some("false")),
            ("PLUGIN_MULTIPLEX_GRPC", "unreadable", Some("false")),
        ] {
            let mut command = test_plugin(guard);
            launch(guard, &mut command);
            let mut plugin = command.env(name, value).spawn().unwrap();
            let (line, _stdout) = line(&mut plugin).await;
            let parts: Vec<&str> = line.trim_end().split('|').collect();
            assert_eq!((parts[0], parts[1], parts[4], parts[5]), ("1", "1", "grpc", ""), "{line}");
            assert_eq!(parts.get(6).copied(), seventh, "{line}");
            assert!(parts.len() <= 7, "{line}");
            ends(plugin, &socket(&line), Signal::TERM, 0).await;
        }
    });
}

#[test]
fn without_a_list_of_versions_the_lowest_is_served() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        launch(guard, &mut command);
        let mut plugin = command.arg("versions=5,3,7").spawn().unwrap();
        let (line, _stdout) = line(&mut plugin).await;
        assert!(line.starts_with("1|3|unix|"), "{line}");
        ends(plugin, &socket(&line), Signal::TERM, 0).await;
    });
}

#[test]
fn h9_sigterm_and_sighup_let_our_plugin_remove_its_own_socket() {
    leak_free(async |guard| {
        for by in [Signal::TERM, Signal::HUP] {
            let mut command = test_plugin(guard);
            launch(guard, &mut command);
            command.env("PLUGIN_UNIX_SOCKET_DIR", guard.base());
            let mut plugin = command.spawn().unwrap();
            let (line, _stdout) = line(&mut plugin).await;
            let socket = socket(&line);
            assert_eq!(socket.parent(), Some(guard.base()), "directly in the given directory");
            assert!(socket.exists());
            ends(plugin, &socket, by, 0).await;
        }
    });
}

#[test]
fn a_second_sigterm_does_not_wait_for_calls() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = test_plugin(guard);
        launch(guard, &mut command);
        let mut plugin = command.env("TEST_PLUGIN_REPORT", reports.path()).spawn().unwrap();
        let (line, _stdout) = line(&mut plugin).await;
        let mut probe = connect(&socket(&line)).await;
        let call = tokio::spawn(async move { probe.sleep(600_000_u32).await });
        assert_eq!(reports.line().await.unwrap(), "sleep started");
        signal(plugin.id().unwrap(), Signal::TERM);
        // The socket goes first, so the plugin has heard the first signal.
        let heard = async {
            while socket(&line).exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), heard).await.unwrap();
        ends(plugin, &socket(&line), Signal::TERM, 128 + 15).await;
        assert!(call.await.unwrap().is_err());
    });
}

#[test]
fn the_end_of_stdin_means_nothing_and_closed_pipes_do_no_harm() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        launch(guard, &mut command);
        let mut plugin = command.stderr(Stdio::piped()).spawn().unwrap();
        let (line, stdout) = line(&mut plugin).await;
        drop((stdout, plugin.stderr.take()));
        let socket = socket(&line);
        let mut probe = connect(&socket).await;
        for _ in 0..10 {
            probe.print("to nobody\n".to_owned()).await.unwrap();
            probe.log("error:to nobody".to_owned()).await.unwrap();
        }
        assert_eq!(probe.echo(b"alive".to_vec()).await.unwrap().into_inner(), b"alive");
        drop(probe);
        ends(plugin, &socket, Signal::TERM, 0).await;
    });
}

#[test]
fn without_a_lifeline_the_end_of_the_parent_is_noticed() {
    leak_free(async |guard| {
        // A shell stands for the host.
        let mut command = guard.command("sh");
        launch(guard, &mut command);
        command.args(["-c", r#""$0" & echo $!; wait"#]).arg(program("test-plugin"));
        let mut host = command.spawn().unwrap();
        let (first, mut stdout) = line(&mut host).await;
        let mut second = String::new();
        stdout.read_line(&mut second).await.unwrap();
        // Whichever of the two writes first.
        let (pid, line) = if first.contains('|') { (second, first) } else { (first, second) };
        assert!(socket(&line).exists(), "{line}");
        signal(host.id().unwrap(), Signal::KILL);
        host.wait().await.unwrap();
        gone(pid.trim_end().parse().unwrap()).await;
        assert!(!socket(&line).exists());
    });
}

#[test]
fn many_connections_and_empty_ones_are_accepted() {
    leak_free(async |guard| {
        let mut command = test_plugin(guard);
        launch(guard, &mut command);
        let mut plugin = command.spawn().unwrap();
        let (line, _stdout) = line(&mut plugin).await;
        let socket = socket(&line);
        for _ in 0..20 {
            drop(tokio::net::UnixStream::connect(&socket).await.unwrap());
            connect(&socket).await.echo(vec![1]).await.unwrap();
        }
        ends(plugin, &socket, Signal::TERM, 0).await;
    });
}
