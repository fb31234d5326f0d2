//! Peers that speak something else, or HTTP/2 badly.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use http_body_util::{StreamBody, combinators::BoxBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_transport::{BoxIo, Listener as _, error_from_status, memory};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tonic::{Code, Status};

use crate::support::{client, code, connect, within};

/// What a call ends with whose peer answers like this.
async fn answered<F>(answer: impl FnOnce(BoxIo) -> F) -> Status
where
    F: Future<Output = ()> + Send + 'static,
{
    let (connector, mut listener) = memory::pair();
    let channel = connect(connector).await.unwrap();
    let peer = tokio::spawn(answer(listener.accept().await.unwrap().io));
    let status = within(5, client(&channel).echo(b"hello".to_vec())).await.unwrap_err();
    peer.abort();
    status
}

async fn answered_bytes(bytes: &'static [u8]) -> Status {
    answered(move |mut io| async move {
        io.write_all(bytes).await.unwrap();
        // Reads on, so that nothing but the bytes can be what ends the call.
        tokio::io::copy(&mut io, &mut tokio::io::sink()).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn a_peer_that_does_not_speak_http2_is_shown_at_once() {
    let begun = Instant::now();
    let status = answered_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(
        error_from_status(&status).to_string(),
        r#"peer does not speak gRPC: it answers "HTTP/1.1 400 Bad Request\r\n\r\n""#
    );
    for bytes in [b"\x15\x03\x03\0\x02\x02\x28".as_slice(), b"\xff\xfe\xfd", b"220 ftp ready\r\n"] {
        assert_eq!(code(&answered_bytes(bytes).await), "PROTOCOL_PEER_NOT_GRPC", "{bytes:?}");
    }
    assert!(begun.elapsed().as_secs() < 1);
}

#[tokio::test]
async fn a_peer_that_closes_without_a_word_is_a_disconnect() {
    let status = answered(|mut io| async move {
        let _ = io.read_u8().await;
    })
    .await;
    assert_eq!(code(&status), "TRANSPORT_DISCONNECTED");
}

#[tokio::test]
async fn an_http2_peer_that_turns_bad_is_a_disconnect() {
    // SETTINGS, then a frame of DATA on stream 0, which no peer may send.
    let status = answered_bytes(b"\0\0\0\x04\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x07").await;
    assert_eq!(code(&status), "TRANSPORT_DISCONNECTED");
}

#[tokio::test]
async fn a_goodbye_in_the_middle_of_a_call_is_a_disconnect_with_its_words() {
    // SETTINGS, then GOAWAY: last stream 0, ENHANCE_YOUR_CALM, with a text.
    let status = answered_bytes(
        b"\0\0\0\x04\0\0\0\0\0\0\0\x16\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo_many_pings",
    )
    .await;
    assert_eq!(code(&status), "TRANSPORT_DISCONNECTED");
    assert!(status.message().contains("too_many_pings"), "{status:?}");
}

#[tokio::test]
async fn each_reset_keeps_its_meaning() {
    for (reason, expected) in [
        (1, Code::Internal),
        (2, Code::Internal),
        (7, Code::Unavailable),
        (8, Code::Cancelled),
        (11, Code::ResourceExhausted),
        (12, Code::PermissionDenied),
        (0xff, Code::Internal),
    ] {
        let status = answered(move |mut io| async move {
            // SETTINGS, then RST_STREAM on stream 1 once the call has come in.
            io.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
            let mut read = vec![0; 24 + 9];
            io.read_exact(&mut read).await.unwrap();
            loop {
                io.read_buf(&mut read).await.unwrap();
                if read.windows(5).any(|seen| seen == b"hello") {
                    break;
                }
            }
            let mut reset = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0".to_vec();
            reset.push(reason);
            io.write_all(&reset).await.unwrap();
            tokio::io::copy(&mut io, &mut tokio::io::sink()).await.unwrap();
        })
        .await;
        assert_eq!(status.code(), expected, "{reason}: {status:?}");
    }
}

/// What a TLS layer's stream does when the peer refuses: it fails with an error of its own.
#[derive(Debug)]
struct Refusing(tokio::io::DuplexStream);

#[derive(Debug)]
struct Alert;

impl std::fmt::Display for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("received fatal alert")
    }
}

impl std::error::Error for Alert {}

impl AsyncRead for Refusing {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, Alert)))
    }
}

impl AsyncWrite for Refusing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_ended_the_bytes_is_a_source_of_the_error() {
    // The peer may be gone before our first bytes are written, or still be there.
    for is_gone in [false, true] {
        let ends = Arc::new(Mutex::new(Vec::new()));
        let kept = ends.clone();
        let connector = tower::service_fn(move |_: http::Uri| {
            let (near, far) = tokio::io::duplex(4096);
            kept.lock().unwrap().extend((!is_gone).then_some(far));
            async { Ok::<_, rpcplugin_core::Error>(TokioIo::new(Refusing(near))) }
        });
        let begun = Instant::now();
        let error: Box<dyn std::error::Error> = match connect(connector).await {
            Err(error) => error.into(),
            Ok(channel) => {
                let status = client(&channel).echo(vec![]).await.unwrap_err();
                assert_eq!(code(&status), "TRANSPORT_DISCONNECTED");
                status.into()
            }
        };
        // No process needs to have ended, so nobody waits for that news.
        assert!(begun.elapsed().as_millis() < 300);
        let alert = std::iter::successors(error.source(), |cause| (*cause).source())
            .filter_map(|cause| cause.downcast_ref::<io::Error>()?.get_ref())
            .any(|cause| cause.is::<Alert>());
        assert!(alert, "peer gone: {is_gone}: {error:?}");
        drop(ends);
    }
}

type Frames = Vec<Result<Frame<Bytes>, io::Error>>;

/// What a call ends with if an HTTP/2 server answers so.
async fn replied(kind: &'static str, frames: fn() -> Frames) -> Result<Vec<u8>, Status> {
    let (connector, mut listener) = memory::pair();
    let channel = connect(connector).await.unwrap();
    let io = TokioIo::new(listener.accept().await.unwrap().io);
    let reply = move |_| async move {
        let body: BoxBody<_, _> = BoxBody::new(StreamBody::new(stream::iter(frames())));
        Ok::<_, Infallible>(Response::builder().header("content-type", kind).body(body).unwrap())
    };
    let server = tokio::spawn(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(io, hyper::service::service_fn(reply)),
    );
    let reply = within(5, client(&channel).echo(b"hello".to_vec())).await;
    server.abort();
    reply.map(tonic::Response::into_inner)
}

fn message() -> Frame<Bytes> {
    Frame::data(Bytes::from_static(b"\0\0\0\0\x04\x0a\x02hi"))
}

fn trailers() -> Frame<Bytes> {
    Frame::trailers(HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]))
}

/// As go-plugin sends them: a frame for each message.
#[tokio::test]
async fn a_slow_reader_of_tiny_messages_loses_none() {
    const COUNT: u32 = 200_000;
    let (connector, mut listener) = memory::pair();
    let channel = connect(connector).await.unwrap();
    let io = TokioIo::new(listener.accept().await.unwrap().io);
    let sent = Arc::new(AtomicU32::new(0));
    let counter = sent.clone();
    let reply = move |_| {
        let counter = counter.clone();
        async move {
            // An empty message, which stands for the number 0.
            let messages = stream::iter(0..COUNT).map(move |number| {
                counter.store(number, Ordering::SeqCst);
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"\0\0\0\0\0")))
            });
            let body = StreamBody::new(messages.chain(stream::iter([Ok(trailers())])));
            let response = Response::builder().header("content-type", "application/grpc");
            Ok::<_, Infallible>(response.body(body).unwrap())
        }
    };
    let server = tokio::spawn(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(io, hyper::service::service_fn(reply)),
    );
    let mut numbers = client(&channel).count(COUNT).await.unwrap().into_inner();
    // Until flow control stops the peer, or nothing is left to send.
    let mut before = u32::MAX;
    while before != sent.load(Ordering::SeqCst) {
        before = sent.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for _ in 0..COUNT {
        assert_eq!(numbers.message().await.unwrap(), Some(0));
    }
    assert_eq!(numbers.message().await.unwrap(), None);
    server.abort();
}

#[tokio::test]
async fn a_whole_reply_is_read() {
    let reply = replied("application/grpc+proto", || vec![Ok(message()), Ok(trailers())]).await;
    assert_eq!(reply.unwrap(), b"hi");
}

#[tokio::test]
async fn a_reply_without_a_status_is_a_bad_reply() {
    let status = replied("application/grpc", || vec![Ok(message())]).await.unwrap_err();
    assert_eq!(
        error_from_status(&status).to_string(),
        "unreadable reply: it ended without a status"
    );
    assert_eq!(code(&status), "PROTOCOL_BAD_REPLY");
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_no_success() {
    let status =
        replied("application/grpc", || vec![Ok(message()), Err(io::Error::other("broken"))])
            .await
            .unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status:?}");
}

#[tokio::test]
async fn a_web_server_is_no_grpc_peer() {
    let status = replied("text/html", || vec![Ok(message())]).await.unwrap_err();
    assert_eq!(code(&status), "PROTOCOL_PEER_NOT_GRPC");
    assert!(status.message().contains("text/html"));
}
