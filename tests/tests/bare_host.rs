//! Our plugins under a host that does no more than it must: `docs/faults.md` F and G.

#![cfg(target_os = "linux")]

use std::{
    os::unix::fs::{PermissionsExt as _, chown},
    time::Duration,
};

use rpcplugin::core::limits;
use rpcplugin_proto::{
    kv::{GetRequest, kv_client::KvClient},
    plugin::{
        ConnInfo, grpc_broker_client::GrpcBrokerClient, grpc_stdio_client::GrpcStdioClient,
        stdio_data::Channel,
    },
    probe::probe_client::ProbeClient,
};
use rpcplugin_tests::{Bare, PeakMemory, Unprivileged, host::test_plugin, leak::leak_free};
use tokio::{net::UnixListener, sync::mpsc, time::timeout};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::Code;

/// What a step may take on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn g7_a_host_that_never_opens_the_stream_of_output_blocks_nobody() {
    /// Far more than any buffer between the two holds.
    const PIECES: usize = 64;
    const PIECE: usize = 64 * 1024;
    leak_free(async |guard| {
        let plugin = Bare::start(guard, test_plugin(guard)).await;
        let memory = PeakMemory::of(plugin.pid());
        let mut probe = ProbeClient::new(plugin.connect().await);
        for _ in 0..PIECES {
            timeout(LIMIT, probe.print("x".repeat(PIECE))).await.unwrap().unwrap();
        }
        assert!(memory.growth() < 16 << 20, "grew by {}", memory.growth());
        let left = timeout(LIMIT, plugin.stop()).await.unwrap();
        assert_eq!((left.code, left.stdout.len()), (Some(0), 0), "{left:?}");
        // All that was lost is told, also after the first warning.
        let told: usize = left
            .stderr
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|line| line["@message"].as_str().unwrap().contains("the oldest was dropped"))
            .map(|line| line["bytes"].to_string().trim_matches('"').parse::<usize>().unwrap())
            .sum();
        // What a stop that is in a hurry leaves in the pipe was not lost by then.
        assert!(told >= PIECES * PIECE - limits::STDIO_BUFFER - PIECE, "{told}: {}", left.stderr);
    });
}

#[test]
fn g8_the_place_of_a_reader_that_left_is_free_again() {
    leak_free(async |guard| {
        let plugin = Bare::start(guard, test_plugin(guard)).await;
        let channel = plugin.connect().await;
        let mut stdio = GrpcStdioClient::new(channel.clone());
        let first = stdio.stream_stdio(()).await.unwrap();
        let refused = stdio.stream_stdio(()).await.unwrap_err();
        assert_eq!(refused.code(), Code::AlreadyExists, "{refused}");
        drop(first);
        let again = async {
            loop {
                match stdio.stream_stdio(()).await {
                    Ok(stream) => break stream.into_inner(),
                    Err(status) => assert_eq!(status.code(), Code::AlreadyExists, "{status}"),
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let mut again = timeout(LIMIT, again).await.unwrap();
        ProbeClient::new(channel).print("x".to_owned()).await.unwrap();
        let read = timeout(LIMIT, again.message()).await.unwrap().unwrap().unwrap();
        assert_eq!(read.data, "x");
        drop(again);
        assert_eq!(timeout(LIMIT, plugin.stop()).await.unwrap().code, Some(0));
    });
}

#[test]
fn what_is_printed_just_before_an_exit_arrives() {
    leak_free(async |guard| {
        for (how, code) in [("exit beside a call", 3), ("exit inside a call", 4)] {
            let plugin = Bare::start(guard, test_plugin(guard)).await;
            let channel = plugin.connect().await;
            let mut stdio = GrpcStdioClient::new(channel.clone());
            let stream = stdio.stream_stdio(()).await.unwrap().into_inner();
            let reading = tokio::spawn(stream.map(Result::unwrap).collect::<Vec<_>>());
            // Within what is kept for a host that reads slowly.
            let text = "last words, ".repeat(4000);
            let mut probe = ProbeClient::new(channel);
            let print = tokio::spawn(async move { probe.print(format!("{how}:{text}")).await });
            let chunks = timeout(LIMIT, reading).await.unwrap().unwrap();
            let of = |channel: Channel| {
                let chunks = chunks.iter().filter(|chunk| chunk.channel == i32::from(channel));
                chunks.flat_map(|chunk| chunk.data.clone()).collect::<Vec<u8>>()
            };
            let whole = "last words, ".repeat(4000).into_bytes();
            assert!(of(Channel::Stdout) == whole, "{how}: {}", of(Channel::Stdout).len());
            assert_eq!(of(Channel::Stderr), b"and here", "{how}");
            let left = timeout(LIMIT, plugin.ended()).await.unwrap();
            assert_eq!(left.code, Some(code), "{how}: {left:?}");
            assert!(left.stderr.contains("about to exit"), "{how}: {left:?}");
            // Answered or cut.
            let _ = timeout(LIMIT, print).await.unwrap().unwrap();
        }
    });
}

#[test]
fn a_plugin_dials_sockets_of_the_group_that_was_agreed_on_and_of_no_other() {
    leak_free(async |guard| {
        let Some(user) = Unprivileged::new(guard, "socket group, side channels") else { return };
        let (group, hosts) = (user.number() + 500_000_000, user.number() + 250_000_000);
        let directory = guard.scratch().join("sockets");
        std::fs::create_dir(&directory).unwrap();
        chown(&directory, Some(user.number()), Some(group)).unwrap();
        let mut command = user.command(guard, "broker-plugin");
        command.uid(user.number()).gid(group);
        command.env("PLUGIN_UNIX_SOCKET_DIR", &directory);
        command.env("PLUGIN_UNIX_SOCKET_GROUP", group.to_string());
        let plugin = Bare::start(guard, command).await;
        let channel = plugin.connect().await;
        let (say, said) = mpsc::channel(4);
        let mut broker = GrpcBrokerClient::new(channel.clone().without_request_timeout());
        let hear = broker.start_stream(ReceiverStream::new(said));
        // Plugins of ours answer at once.
        let hear = timeout(LIMIT, hear).await.unwrap().unwrap();
        for (id, owner, is_agreed) in [(1, group, true), (2, group + 1, false)] {
            let path = guard.scratch().join(format!("host{id}"));
            let listener = UnixListener::bind(&path).unwrap();
            chown(&path, Some(hosts), Some(owner)).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
            let (network, address) = ("unix".to_owned(), path.to_str().unwrap().to_owned());
            say.send(ConnInfo { service_id: id, network, address, knock: None }).await.unwrap();
            let mut kv = KvClient::new(channel.clone());
            let dial = GetRequest { key: format!("dial {id} k") };
            let dialling = tokio::spawn(async move { kv.get(dial).await.unwrap_err() });
            if is_agreed {
                // That it came is all: it speaks with nobody.
                drop(timeout(LIMIT, listener.accept()).await.unwrap().unwrap());
            }
            let status = timeout(LIMIT, dialling).await.unwrap().unwrap();
            let forbidden = status.message().starts_with("SECURITY_ADDRESS_FORBIDDEN");
            assert_eq!(forbidden, !is_agreed, "{status}");
        }
        drop((say, hear));
        let left = timeout(LIMIT, plugin.stop()).await.unwrap();
        assert_eq!(left.code, Some(0), "{left:?}");
    });
}
