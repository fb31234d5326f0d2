//! What this host sends besides calls: no pings, and no offer or wish to compress.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_client::{Client, InProcess, MagicCookie, Tls};
use rpcplugin_core::{Address, Handshake};
use rpcplugin_transport::{BoxIo, Listener as _, memory};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::fake::{Behaviour, Services, answer, printed};

const HEADERS: u8 = 1;
const PING: u8 = 6;
const ACK: u8 = 1;
const PREFACE: usize = 24;

/// What one connection carried to the plugin, and the names of its calls' headers.
#[derive(Clone, Default)]
struct Seen {
    bytes: Arc<Mutex<Vec<u8>>>,
    headers: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    /// Kind and flags of each frame.
    fn frames(&self) -> Vec<(u8, u8)> {
        let bytes = self.bytes.lock().unwrap();
        let mut rest = &bytes[PREFACE..];
        let mut frames = Vec::new();
        while let Some((head, behind)) = rest.split_first_chunk::<9>() {
            let [a, b, c, kind, flags, ..] = *head;
            frames.push((kind, flags));
            rest = behind.get(u32::from_be_bytes([0, a, b, c]) as usize..).unwrap_or_default();
        }
        frames
    }
}

/// Keeps a copy of what is read.
struct Tap {
    io: BoxIo,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.bytes.lock().unwrap().extend_from_slice(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A plugin that sends a mebibyte, which a host that measures its connection would answer with
/// pings.
async fn watched(seen: Seen) -> Client {
    let prints = (0..16).map(|_| printed(1, &[b'x'; 64 * 1024])).collect();
    let services = Services::new(Behaviour { prints: Some(prints), ..Behaviour::default() });
    let (connector, mut listener) = memory::pair();
    let serving = async move {
        let Ok(accepted) = listener.accept().await else { return Ok(()) };
        let tap = Tap { io: accepted.io, bytes: seen.bytes };
        let headers = seen.headers;
        let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let names = request.headers().keys().map(ToString::to_string);
            headers.lock().unwrap().extend(names);
            answer(services.clone(), request)
        });
        let _ = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(tap), service)
            .await;
        Ok(())
    };
    Client::builder(MagicCookie::new("FRAMES_COOKIE", "value"))
        .tls(Tls::Plaintext)
        .join(async |_| {
            let handshake = Handshake::new(1, Address::Unix("/watched".into()));
            Ok(InProcess::new(connector, handshake, serving))
        })
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_life_brings_calls_and_no_ping() {
    let seen = Seen::default();
    let plugin = watched(seen.clone()).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let frames = seen.frames();
    let count = |wanted: fn(&(u8, u8)) -> bool| frames.iter().filter(|frame| wanted(frame)).count();
    // The start's, the stream of output, and the liveness probes.
    assert!(count(|(kind, _)| *kind == HEADERS) > 6, "{frames:?}");
    assert_eq!(count(|(kind, flags)| *kind == PING && flags & ACK == 0), 0, "{frames:?}");
    plugin.kill().await;
}

#[tokio::test(start_paused = true)]
async fn calls_neither_are_compressed_nor_ask_for_it() {
    let seen = Seen::default();
    let plugin = watched(seen.clone()).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let headers = seen.headers.lock().unwrap().clone();
    assert!(headers.iter().any(|name| name == "content-type"), "{headers:?}");
    assert!(!headers.iter().any(|name| name.ends_with("encoding")), "{headers:?}");
    plugin.kill().await;
}
