use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

/// A body of gRPC messages that ends with RESOURCE_EXHAUSTED at the first message over a limit.
///
/// Only the five bytes before each message are read, so nothing is buffered here; the connection
/// goes on. The limit counts bytes on the wire: those of a compressed message before it is
/// inflated.
///
/// # Example
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::{BodyExt, Full};
/// use rpcplugin_transport::FrameLimit;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hello = || Full::new(Bytes::from_static(b"\0\0\0\0\x05hello"));
/// assert!(FrameLimit::new(hello(), 5, "my_limit").collect().await.is_ok());
/// assert_eq!(
///     FrameLimit::new(hello(), 4, "my_limit").collect().await.unwrap_err().message(),
///     "message of 5 bytes is over the limit of 4 bytes (my_limit)"
/// );
/// # }
/// ```
pub struct FrameLimit<B> {
    /// Dropped at the first message over the limit, so that its stream is reset.
    inner: Option<B>,
    gauge: FrameGauge,
}

impl<B> FrameLimit<B> {
    /// Lets messages of up to `limit` bytes pass. `setting` is what a reader of the error may
    /// raise.
    pub const fn new(inner: B, limit: usize, setting: &'static str) -> Self {
        Self { inner: Some(inner), gauge: FrameGauge::new(limit, setting) }
    }
}

impl<B> Body for FrameLimit<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let frame = match ready!(Pin::new(inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(Status::from_error(error.into())))),
            None => return Poll::Ready(None),
        };
        let checked = self.gauge.check(&frame);
        if checked.is_err() {
            self.inner = None;
        }
        Poll::Ready(Some(checked.map(|()| frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> fmt::Debug for FrameLimit<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameLimit").field("limit", &self.gauge.limit).finish_non_exhaustive()
    }
}

/// Compares each message of one body with a limit.
#[derive(Debug)]
pub(crate) struct FrameGauge {
    limit: usize,
    setting: &'static str,
    prefixes: Prefixes,
}

impl FrameGauge {
    pub(crate) const fn new(limit: usize, setting: &'static str) -> Self {
        Self { limit, setting, prefixes: Prefixes::new() }
    }

    /// Reads the body's next frame.
    pub(crate) fn check(&mut self, frame: &Frame<Bytes>) -> Result<(), Status> {
        let Self { limit, setting, ref mut prefixes } = *self;
        let Some(data) = frame.data_ref() else { return Ok(()) };
        prefixes.read(data.clone(), limit).map_err(|size| {
            Status::resource_exhausted(format!(
                "message of {size} bytes is over the limit of {limit} bytes ({setting})"
            ))
        })
    }
}

/// Finds the prefixes in a stream of gRPC messages, however it is cut.
#[derive(Debug)]
struct Prefixes {
    prefix: [u8; Self::LENGTH],
    /// How much of the prefix is there.
    filled: usize,
    /// Bytes of the current message that are still to come.
    payload: usize,
}

impl Prefixes {
    /// One byte of flags, four of length, big-endian.
    const LENGTH: usize = 5;

    const fn new() -> Self {
        Self { prefix: [0; Self::LENGTH], filled: 0, payload: 0 }
    }

    /// Reads a piece; `Err` with the size of a message over the limit.
    fn read(&mut self, mut data: Bytes, limit: usize) -> Result<(), usize> {
        loop {
            let skipped = self.payload.min(data.len());
            self.payload -= skipped;
            data.advance(skipped);
            if data.is_empty() {
                return Ok(());
            }
            let taken = (Self::LENGTH - self.filled).min(data.len());
            data.copy_to_slice(&mut self.prefix[self.filled..self.filled + taken]);
            self.filled += taken;
            if self.filled == Self::LENGTH {
                let [_, a, b, c, d] = self.prefix;
                let size = u32::from_be_bytes([a, b, c, d]) as usize;
                if size > limit {
                    return Err(size);
                }
                self.payload = size;
                self.filled = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(size).unwrap().to_be_bytes());
        bytes.resize(Prefixes::LENGTH + size, 7);
        bytes
    }

    #[track_caller]
    fn check(messages: &[usize], limit: usize, expected: Result<(), usize>) {
        let bytes: Vec<u8> = messages.iter().flat_map(|size| message(*size)).collect();
        for piece in [1, 2, 3, 4, 5, 7, bytes.len()] {
            let mut prefixes = Prefixes::new();
            let found = bytes
                .chunks(piece)
                .try_for_each(|piece| prefixes.read(Bytes::copy_from_slice(piece), limit));
            assert_eq!(found, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn messages_up_to_the_limit_pass_however_they_are_cut() {
        check(&[10, 0, 10, 9], 10, Ok(()));
        check(&[0, 0, 0], 0, Ok(()));
    }

    #[test]
    fn the_first_message_over_the_limit_is_named() {
        check(&[10, 0, 11, 12], 10, Err(11));
        check(&[1], 0, Err(1));
    }

    #[test]
    fn a_length_alone_is_enough_to_refuse() {
        let mut prefixes = Prefixes::new();
        let huge = Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(prefixes.read(huge, 64), Err(u32::MAX as usize));
    }
}
