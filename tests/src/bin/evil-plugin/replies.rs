//! Replies, good and evil.

use std::{
    convert::Infallible,
    fs::File,
    future::pending,
    io::{self, Read as _},
    str::FromStr,
};

use anyhow::bail;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    HeaderMap, Response,
    body::{Body, Bytes, Frame, Incoming},
    header::{HeaderName, HeaderValue},
};
use tokio::sync::Notify;
use tokio_stream::StreamExt as _;

pub(crate) type Reply = Response<BoxBody<Bytes, Infallible>>;

/// Replies that no server should send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Evil {
    /// The connection is closed instead.
    HangUp,
    /// A message that announces 700 MiB, and begins to send them.
    Huge,
    /// A message that is no protobuf.
    Garbled,
    /// A message that is shorter than it announced.
    Short,
    /// A message without trailers.
    Cut,
    /// The stream is reset instead.
    Reset,
    /// A megabyte of headers.
    Headers,
    /// A thousand of them.
    ManyHeaders,
    /// No reply at all.
    Silence,
}

impl FromStr for Evil {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        Ok(match name {
            "hang-up" => Self::HangUp,
            "huge" => Self::Huge,
            "garbled" => Self::Garbled,
            "short" => Self::Short,
            "cut" => Self::Cut,
            "reset" => Self::Reset,
            "headers" => Self::Headers,
            "many-headers" => Self::ManyHeaders,
            "silence" => Self::Silence,
            other => bail!("unknown manner {other:?}"),
        })
    }
}

/// The reply, if there is one.
pub(crate) async fn evil(evil: Evil, hang_up: &Notify) -> Result<Reply, io::Error> {
    Ok(match evil {
        Evil::HangUp => {
            hang_up.notify_one();
            pending().await
        }
        Evil::Silence => pending().await,
        Evil::Reset => return Err(io::Error::other("reset")),
        Evil::Huge => {
            let start = prefix(700 << 20);
            let zeros = std::iter::repeat_n(Bytes::from_static(&[0; 64 * 1024]), 700 * 16);
            let frames = tokio_stream::once(start).chain(tokio_stream::iter(zeros));
            grpc(StreamBody::new(frames.map(|bytes| Ok(Frame::data(bytes)))))
        }
        Evil::Garbled => message(&[0xff; 8]),
        Evil::Short => grpc(complete([prefix(100), Bytes::from_static(&[0; 10])].concat())),
        Evil::Cut => grpc(Full::from([prefix(0)].concat())),
        Evil::Headers => with_headers(1, 1 << 20),
        Evil::ManyHeaders => with_headers(1000, 100),
    })
}

/// A complete reply with one message.
pub(crate) fn message(message: &[u8]) -> Reply {
    grpc(complete(framed(message).to_vec()))
}

/// A reply of many messages.
pub(crate) fn stream(
    frames: impl tokio_stream::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync + 'static,
) -> Reply {
    grpc(StreamBody::new(frames))
}

/// A reply that ends well once something is written to the named pipe `gate`; until then `unread`
/// stays so.
pub(crate) fn end_at(gate: &'static str, unread: Incoming) -> Reply {
    let end = async move {
        let opened = tokio::task::spawn_blocking(move || File::open(gate)?.read_exact(&mut [0]));
        // If there is no such pipe, the test notices that the stream ended too early.
        let _ = opened.await;
        drop(unread);
        Ok(Frame::trailers(ok()))
    };
    stream(futures_util::stream::once(end))
}

/// A message as it stands in a stream.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    [&prefix(message.len()), message].concat().into()
}

/// A reply without a message.
pub(crate) fn unimplemented() -> Reply {
    let mut reply = grpc(Full::default());
    reply.headers_mut().insert(STATUS, HeaderValue::from_static("12"));
    reply
}

fn with_headers(count: usize, length: usize) -> Reply {
    let mut reply = message(&[]);
    let value = HeaderValue::try_from("x".repeat(length)).expect("it is ASCII");
    for number in 0..count {
        let name = HeaderName::try_from(format!("x-{number}")).expect("it is a token");
        reply.headers_mut().insert(name, value.clone());
    }
    reply
}

/// What precedes a message of this length.
fn prefix(length: usize) -> Bytes {
    let length = u32::try_from(length).expect("it fits a frame");
    [&[0], length.to_be_bytes().as_slice()].concat().into()
}

fn complete(bytes: Vec<u8>) -> impl Body<Data = Bytes, Error = Infallible> + Send + Sync {
    Full::new(Bytes::from(bytes)).with_trailers(async { Some(Ok(ok())) })
}

/// The trailers of a call that ended well.
fn ok() -> HeaderMap {
    HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))])
}

fn grpc(body: impl Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static) -> Reply {
    let mut reply = Response::new(body.boxed());
    reply.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    reply
}

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
