//! What a plugin writes, however much and of whatever shape: `docs/faults.md` G.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::time::Duration;

use rpcplugin::{
    Client,
    client::{Builder, StdioStream},
    core::Network,
};
use rpcplugin_proto::plugin::grpc_stdio_client::GrpcStdioClient;
use rpcplugin_tests::{
    Fifo, PeakMemory,
    host::{evil_plugin, host, probe, program, signal, test_plugin},
    leak::{LeakGuard, leak_free},
};
use rustix::process::Signal;
use tokio::io::AsyncReadExt as _;
use tokio_stream::StreamExt as _;

/// A plugin of ours beside a process that carries out `actions` on the same pipes, and then
/// reports.
async fn beside(guard: &LeakGuard, builder: Builder, actions: &str) -> (Client, Fifo) {
    let reports = Fifo::create(guard.scratch(), "reports").unwrap();
    let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
    let actions = format!("gate {} {actions} report {} done", gate.path(), reports.path());
    let plugin = program("test-plugin");
    let words = ["child", &actions, "exec", plugin.to_str().unwrap()];
    let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
    gate.release().await.unwrap();
    (client, reports)
}

/// Asserts that all was taken from the writer, that calls work meanwhile, and that the host did
/// not keep it.
async fn harmless(guard: &LeakGuard, actions: &str) {
    let (client, mut reports) = {
        let (client, reports) = beside(guard, host(guard), actions).await;
        (client, reports)
    };
    let memory = PeakMemory::start();
    let mut probe = probe(&client);
    let done = async { reports.line().await.unwrap() };
    let calls = async {
        loop {
            probe.echo(b"alive".to_vec()).await.unwrap();
        }
    };
    tokio::select! {
        line = done => assert_eq!(line, "done"),
        () = calls => {}
    }
    probe.echo(b"alive".to_vec()).await.unwrap();
    assert!(memory.growth() < 32 << 20, "grew by {}", memory.growth());
    client.shutdown().await.unwrap();
}

#[test]
fn g1_64_mib_on_stdout_without_a_newline_are_drained() {
    leak_free(async |guard| harmless(guard, "fill stdout 67108864").await);
}

#[test]
fn g2_a_flood_of_stderr_is_drained() {
    leak_free(async |guard| harmless(guard, "flood stderr 5000000").await);
}

#[test]
fn g2_64_mib_on_stderr_without_a_newline_are_drained() {
    leak_free(async |guard| harmless(guard, "fill stderr 67108864").await);
}

#[test]
fn a_flood_of_stdout_lines_is_drained() {
    leak_free(async |guard| harmless(guard, "flood stdout 1000000").await);
}

#[test]
fn g3_g5_no_shape_of_a_log_line_harms_the_host() {
    leak_free(async |guard| {
        for text in [
            r#"{"@message":5}\n"#,
            r#"{"@level":[],"@message":"m","@timestamp":1}\n"#,
            r#"{"@message":null}\n{"@level":"info"}\n{\n[]\n5\n"#,
            r"\xff\x1b[2J\r\x00\n",
            r"[WARN]no space\n[ERROR] e\npanic: p\n\ngoroutine 1\n",
        ] {
            let plugin = program("test-plugin");
            let words = ["stderr", text, "exec", plugin.to_str().unwrap()];
            let client = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
            client.ping().await.unwrap();
            signal(client.pid(), Signal::KILL);
            let report = client.exited().await;
            // Nothing in it can act on a terminal.
            let shown = report.to_string();
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
            assert!(!report.stderr.is_empty(), "{report}");
        }
    });
}

#[test]
fn raw_stderr_gets_the_bytes_as_they_are() {
    leak_free(async |guard| {
        let (mut raw, writer) = tokio::io::duplex(64 * 1024);
        let text = r"\xff\x1b[2J\r\n{not json";
        let command = evil_plugin(guard, ["stderr", text, "exit", "1"]);
        rpcplugin_tests::host::refusal(host(guard).raw_stderr(writer), command).await;
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(2), raw.read_to_end(&mut bytes));
        read.await.unwrap().unwrap();
        assert_eq!(bytes, b"\xff\x1b[2J\r\n{not json");
    });
}

#[test]
fn what_a_plugin_prints_arrives_byte_for_byte() {
    leak_free(async |guard| {
        for network in [Network::Unix, Network::Tcp] {
            let client = host(guard).transports([network]).spawn(test_plugin(guard)).await.unwrap();
            let mut output = client.stdio();
            let text = "first\nno newline, \u{fffd} and \u{1b}[31m\0".repeat(50);
            probe(&client).print(text.clone()).await.unwrap();
            let mut bytes = Vec::new();
            let read = async {
                while bytes.len() < text.len() {
                    let chunk = output.next().await.expect("the plugin lives");
                    assert_eq!((chunk.stream, chunk.lost), (StdioStream::Stdout, 0));
                    bytes.extend_from_slice(&chunk.data);
                }
            };
            tokio::time::timeout(Duration::from_secs(5), read).await.unwrap();
            assert_eq!(bytes, text.as_bytes());
            client.shutdown().await.unwrap();
        }
    });
}

#[test]
fn the_last_bytes_before_the_end_arrive() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let output = client.stdio();
        probe(&client).print("last words".to_owned()).await.unwrap();
        client.shutdown().await.unwrap();
        let chunks = tokio::time::timeout(Duration::from_secs(2), output.collect::<Vec<_>>());
        let bytes: Vec<u8> = chunks.await.unwrap().into_iter().flat_map(|c| c.data).collect();
        assert_eq!(bytes, b"last words");
    });
}

#[test]
fn a_plugin_whose_output_no_reader_takes_never_blocks() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let output = client.stdio();
        let mut probe = probe(&client);
        // Far more than any buffer between the two holds.
        for _ in 0..64 {
            let print = probe.print("x".repeat(64 * 1024));
            tokio::time::timeout(Duration::from_secs(10), print).await.unwrap().unwrap();
        }
        drop(output);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn g8_one_stream_of_output_is_open_at_a_time() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        // The client itself has opened one, as its first call.
        let mut output = client.stdio();
        probe(&client).print("x".to_owned()).await.unwrap();
        output.next().await.unwrap();
        let mut second = client.dispense(GrpcStdioClient::new);
        let status = second.stream_stdio(()).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::AlreadyExists, "{status:?}");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn g10_a_sink_that_hangs_harms_nothing() {
    leak_free(async |guard| {
        // Both are full at once, and nobody ever reads them.
        let (_raw, raw) = tokio::io::duplex(1);
        let (_out, out) = tokio::io::duplex(1);
        let client =
            host(guard).raw_stderr(raw).stdout(out).spawn(test_plugin(guard)).await.unwrap();
        let mut probe = probe(&client);
        for number in 0..100 {
            probe.print("x".repeat(4096)).await.unwrap();
            probe.log(format!("error:{number}")).await.unwrap();
        }
        client.shutdown().await.unwrap();
    });
}
