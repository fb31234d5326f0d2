use std::time::Duration;

use futures_util::StreamExt as _;
use rpcplugin_proto::{
    plugin::{
        Empty, StdioData, grpc_controller_client::GrpcControllerClient,
        grpc_stdio_client::GrpcStdioClient, stdio_data::Channel,
    },
    probe::probe_client::ProbeClient,
};
use rustix::process::Signal;
use tokio::time::timeout;

use crate::support::Plugin;

#[tokio::test]
async fn stdout_carries_the_line_alone_while_the_plugin_prints() {
    let plugin = Plugin::start(&["chatty"], &[("PLUGIN_PROTOCOL_VERSIONS", &"5")]);
    let channel = plugin.channel().await;
    let mut stdio = GrpcStdioClient::new(channel).stream_stdio(()).await.unwrap().into_inner();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while out.len() < 100_000 || err.is_empty() {
        let StdioData { channel, data } = stdio.next().await.unwrap().unwrap();
        assert!((1..=1024).contains(&data.len()));
        match Channel::try_from(channel).unwrap() {
            Channel::Stdout => out.extend(data),
            Channel::Stderr => err.extend(data),
            Channel::Invalid => panic!("an unknown channel"),
        }
    }
    let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
    assert!(out.contains("raw\n") && out.contains("line "), "{}", &out[..200]);
    assert!(err.contains("second channel"), "{err}");
    plugin.signal(Signal::TERM);
    let end = plugin.end();
    assert_eq!(end.stdout, Vec::<String>::new(), "nothing after the line");
    assert_eq!(end.status.code(), Some(0));
}

#[test]
fn the_real_stdout_is_closed_after_the_line() {
    let mut plugin = Plugin::start(&[], &[]);
    plugin.line();
    assert!(plugin.stdout_ends());
    assert!(plugin.is_running());
}

#[tokio::test]
async fn a_host_that_never_reads_blocks_nobody() {
    let plugin = Plugin::start(&[], &[]);
    let mut client = ProbeClient::new(plugin.channel().await);
    for _ in 0..20 {
        client.print("x".repeat(64 * 1024)).await.unwrap();
    }
    plugin.signal(Signal::TERM);
    let end = plugin.end();
    assert!(end.stdout.is_empty());
    assert!(end.stderr.contains("the oldest was dropped"), "{}", end.stderr);
}

#[tokio::test]
async fn the_last_bytes_before_the_end_arrive() {
    let plugin = Plugin::start(&[], &[]);
    let channel = plugin.channel().await;
    let stdio = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap().into_inner();
    let all = tokio::spawn(stdio.collect::<Vec<_>>());
    // No newline: the text stays in Rust's own buffer.
    ProbeClient::new(channel.clone()).print("last words".to_owned()).await.unwrap();
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    let chunks = all.await.unwrap();
    let text: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.unwrap().data).collect();
    assert_eq!(text, b"last words");
    assert_eq!(plugin.end().status.code(), Some(0));
}

#[tokio::test]
async fn a_panic_begins_a_line_with_its_message() {
    let plugin = Plugin::start(&[], &[]);
    let mut client = ProbeClient::new(plugin.channel().await);
    assert!(client.panic("on\ntwo lines".to_owned()).await.is_err());
    client.log("still here".to_owned()).await.unwrap();
    plugin.signal(Signal::TERM);
    let end = plugin.end();
    assert!(end.status.success());
    let lines: Vec<_> = end.stderr.lines().collect();
    let panic = lines.iter().position(|line| *line == r"panic: on\ntwo lines").expect(&end.stderr);
    assert!(lines[panic + 1..].iter().any(|line| line.contains("panicked at")));
    let log = lines.iter().find(|line| line.contains("still here")).expect(&end.stderr);
    assert!(log.starts_with(r#"{"@level":"info","@message":"still here","@module":"#), "{log}");
}

#[tokio::test]
async fn a_closed_stderr_ends_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    let plugin = Plugin::start_bare(&[], |command, dir| {
        command.env("SERVER_TEST_COOKIE", "right").env("PLUGIN_UNIX_SOCKET_DIR", dir);
        command.stderr(writer);
    });
    let mut client = ProbeClient::new(plugin.channel().await);
    drop(reader);
    for _ in 0..3 {
        client.log("to nobody".to_owned()).await.unwrap();
        assert!(client.panic("to nobody".to_owned()).await.is_err());
    }
    client.echo(Vec::new()).await.unwrap();
    plugin.signal(Signal::TERM);
    assert_eq!(plugin.end().status.code(), Some(0));
}

#[tokio::test]
async fn a_stderr_that_is_full_and_never_read_blocks_nobody() {
    let (reader, writer) = std::io::pipe().unwrap();
    let plugin = Plugin::start_bare(&[], |command, dir| {
        command.env("SERVER_TEST_COOKIE", "right").env("PLUGIN_UNIX_SOCKET_DIR", dir);
        command.env("RUST_BACKTRACE", "1").stderr(writer);
    });
    let mut client = ProbeClient::new(plugin.channel().await);
    let calls = async {
        for _ in 0..64 {
            client.log("x".repeat(32 * 1024)).await.unwrap();
        }
        for _ in 0..3 {
            assert!(client.panic("unheard".to_owned()).await.is_err());
        }
        client.echo(Vec::new()).await.unwrap();
    };
    timeout(Duration::from_secs(20), calls).await.expect("something waits for stderr");
    plugin.signal(Signal::TERM);
    assert_eq!(plugin.end_within(Duration::from_secs(2)).status.code(), Some(0));
    drop(reader);
}

#[tokio::test]
async fn the_programs_own_panic_hook_comes_after_the_message() {
    let plugin = Plugin::start(&["hook"], &[]);
    let mut client = ProbeClient::new(plugin.channel().await);
    assert!(client.panic("boom".to_owned()).await.is_err());
    plugin.signal(Signal::TERM);
    let end = plugin.end();
    let expected = "panic: boom\nthe program's own hook\n{";
    assert!(end.stderr.starts_with(expected), "{}", end.stderr);
}
