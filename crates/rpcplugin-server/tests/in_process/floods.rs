//! What a peer may do to HTTP/2 ends at most its own connection.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use hyper_util::rt::TokioIo;
use rpcplugin_server::{PluginSet, RpcService};
use rpcplugin_transport::{error_from_status, memory::MemoryConnector};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, body::Body};
use tower::ServiceExt as _;
use tower_service::Service as _;

use crate::{Running, probe, with};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// A POST to `/x` of `localhost`, by the tables of HPACK.
const POST: &[u8] = b"\x83\x86\x44\x02/x\x41\x09localhost";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()[..]].concat();
    [&head, payload].concat()
}

async fn connect(connector: &MemoryConnector) -> TokioIo<DuplexStream> {
    connector.clone().call(http::Uri::from_static("http://localhost")).await.unwrap()
}

/// Sends these frames over a connection of its own; which kinds of frame come back before the
/// end, or before a second of silence.
async fn answered(running: &Running, frames: Vec<u8>) -> Vec<u8> {
    let (mut read, mut write) = tokio::io::split(connect(&running.connector).await.into_inner());
    let sending = tokio::spawn(async move {
        write.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        write.write_all(&frame(SETTINGS, 0, 0, b"")).await?;
        write.write_all(&frames).await?;
        std::io::Result::Ok(write)
    });
    let mut kinds = Vec::new();
    let mut head = [0; 9];
    while let Ok(Ok(_)) = timeout(Duration::from_secs(1), read.read_exact(&mut head)).await {
        kinds.push(head[3]);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        if read.read_exact(&mut payload).await.is_err() {
            break;
        }
    }
    sending.abort();
    kinds
}

/// The plugin serves its host all the same.
async fn serves(running: &Running) {
    assert!(running.client().await.echo(Vec::new()).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_resets_ends_its_connection() {
    let running = Running::probe().await;
    let stream = |id: u32| {
        [frame(HEADERS, END_HEADERS, id, POST), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat()
    };
    let frames = (0..1000).flat_map(|number| stream(number * 2 + 1)).collect();
    assert!(answered(&running, frames).await.contains(&GOAWAY));
    serves(&running).await;
}

#[tokio::test]
async fn headers_without_end_end_their_connection() {
    let running = Running::probe().await;
    let mut frames = frame(HEADERS, 0, 1, POST);
    // Fields of 1000 bytes each that are never indexed.
    let field = [b"\x10\x01x\x7f\xe9\x06".as_slice(), &[b'y'; 1000]].concat();
    for _ in 0..10_000 {
        frames.extend(frame(CONTINUATION, 0, 1, &field));
    }
    assert!(answered(&running, frames).await.contains(&GOAWAY));
    serves(&running).await;
}

#[tokio::test]
async fn headers_over_the_limit_end_their_call_alone() {
    let running = Running::probe().await;
    let mut client = running.client().await;
    let mut request = Request::new(Vec::new());
    request.metadata_mut().insert("large", "x".repeat(20 * 1024).parse().unwrap());
    let status = client.echo(request).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("list of headers"), "{status:?}");
    assert_eq!(error_from_status(&status).code(), "PROTOCOL_LIMIT");
    assert!(client.echo(Vec::new()).await.is_ok());
}

#[tokio::test]
async fn pings_at_any_rate_are_answered() {
    let running = Running::probe().await;
    let frames = (0..1000).flat_map(|_| frame(PING, 0, 0, b"12345678")).collect();
    let kinds = answered(&running, frames).await;
    assert!(!kinds.contains(&GOAWAY));
    assert_eq!(kinds.iter().filter(|kind| **kind == PING).count(), 1000);
}

/// As go-plugin's hosts send them: a frame for each message.
#[tokio::test]
async fn a_slow_handler_of_tiny_messages_keeps_its_connection() {
    /// Empty messages of 5 bytes each, which just fit into the stream's window.
    const COUNT: u32 = 200_000;
    let open = CancellationToken::new();
    let gate = open.clone();
    let layer = tower::layer::layer_fn(move |inner: RpcService| {
        let gate = gate.clone();
        tower::service_fn(move |request: http::Request<Body>| {
            let (gate, inner) = (gate.clone(), inner.clone());
            async move {
                if request.uri().path().ends_with("/Sum") {
                    gate.cancelled().await;
                }
                inner.oneshot(request).await
            }
        })
    });
    let server = with(PluginSet::new().service(probe::service())).layer(layer);
    let running = Running::start(server).await;
    let mut client = running.client().await;
    let mut other = client.clone();
    let sent = CancellationToken::new();
    let all_sent = sent.clone().drop_guard();
    let numbers = stream::iter(0..COUNT).then(move |_| {
        let _until_the_end = &all_sent;
        async {
            // So that no two share a frame.
            tokio::task::yield_now().await;
            0
        }
    });
    let sum = tokio::spawn(async move { client.sum(numbers).await });
    timeout(Duration::from_secs(60), sent.cancelled()).await.unwrap();
    // On the same connection, behind them all.
    other.echo(Vec::new()).await.unwrap();
    open.cancel();
    assert_eq!(sum.await.unwrap().unwrap().into_inner(), 0);
}
