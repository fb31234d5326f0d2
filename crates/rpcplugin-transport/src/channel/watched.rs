use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

use super::fate::Fate;
use crate::BoxIo;

/// A connection's bytes on their way to HTTP/2.
///
/// Keeps what HTTP/2 does not: the error that ended the connection, with its causes, and the
/// first bytes of a peer that speaks something else. Fails once the connection is severed.
pub(super) struct Watched {
    io: BoxIo,
    fate: Arc<Fate>,
    greeting: Greeting,
    /// Told by being dropped that nothing reads or writes any more.
    _closed: oneshot::Sender<()>,
}

impl Watched {
    pub(super) const fn new(io: BoxIo, fate: Arc<Fate>, closed: oneshot::Sender<()>) -> Self {
        Self { io, fate, greeting: Greeting::Awaited(Vec::new()), _closed: closed }
    }

    fn failed(&self, detail: &str, error: io::Error) -> io::Error {
        // HTTP/2 keeps kind and text only, so the original goes to the calls another way.
        let copy = io::Error::new(error.kind(), error.to_string());
        self.fate.lost(detail, Some(error));
        copy
    }

    fn refused(&self, detail: String) -> io::Error {
        self.fate.not_grpc(detail);
        io::ErrorKind::InvalidData.into()
    }

    /// Looks for the peer's last words: it may have said why before it closed.
    fn failed_writing(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        let mut scratch = [0; 1024];
        let mut buf = ReadBuf::new(&mut scratch);
        match Pin::new(&mut self.io).poll_read(cx, &mut buf) {
            Poll::Ready(Err(reason)) if reason.kind() == io::ErrorKind::InvalidData => {
                self.failed("reading failed", reason)
            }
            _ => self.failed("writing failed", error),
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.fate.poll_severed(cx).is_ready() {
            return Poll::Ready(Err(severed()));
        }
        let before = buf.filled().len();
        if let Err(error) = ready!(Pin::new(&mut this.io).poll_read(cx, buf)) {
            return Poll::Ready(Err(this.failed("reading failed", error)));
        }
        let read = &buf.filled()[before..];
        if let Err(detail) = this.greeting.check(read) {
            return Poll::Ready(Err(this.refused(detail)));
        }
        if read.is_empty() && buf.remaining() > 0 {
            this.fate.lost("the plugin closed it", None);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.fate.is_severed() {
            return Poll::Ready(Err(severed()));
        }
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, buf));
        Poll::Ready(written.map_err(|error| self.failed_writing(cx, error)))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.fate.is_severed() {
            return Poll::Ready(Err(severed()));
        }
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs));
        Poll::Ready(written.map_err(|error| self.failed_writing(cx, error)))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.is_severed() {
            return Poll::Ready(Err(severed()));
        }
        let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.failed_writing(cx, error)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.is_severed() {
            return Poll::Ready(Err(severed()));
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

fn severed() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

/// Whether the peer began as an HTTP/2 server must: with a SETTINGS frame.
#[derive(Debug)]
enum Greeting {
    Awaited(Vec<u8>),
    Seen,
}

impl Greeting {
    /// Length of a frame's header.
    const LENGTH: usize = 9;

    /// Reads the next bytes; none at all means that the peer closed. `Err` shows what it said
    /// instead.
    fn check(&mut self, read: &[u8]) -> Result<(), String> {
        /// Enough to recognise a protocol or a sentence by.
        const SHOWN: usize = 64;
        let Self::Awaited(seen) = self else { return Ok(()) };
        let closed = read.is_empty();
        seen.extend(&read[..read.len().min(SHOWN)]);
        if !begins_like_settings(seen) || (closed && !seen.is_empty()) {
            let shown = &seen[..seen.len().min(SHOWN)];
            return Err(format!("it answers \"{}\"", rpcplugin_core::escape(shown)));
        }
        if seen.len() >= Self::LENGTH {
            *self = Self::Seen;
        }
        Ok(())
    }
}

/// Whether this can be the start of a SETTINGS frame that acknowledges nothing.
fn begins_like_settings(seen: &[u8]) -> bool {
    /// The kind of frame that SETTINGS is.
    const SETTINGS: u8 = 4;
    seen.iter().take(Greeting::LENGTH).enumerate().all(|(index, byte)| match index {
        // No peer has ten thousand settings, and every text begins with another byte.
        0 => *byte == 0,
        3 => *byte == SETTINGS,
        4 => byte & 1 == 0,
        5..=8 => *byte == 0,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: Result<(), &str>) {
        let mut greeting = Greeting::Awaited(Vec::new());
        let found = pieces.iter().try_for_each(|piece| greeting.check(piece));
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn settings_pass_however_they_are_cut() {
        check(&[b"\0\0\x12\x04\0\0\0\0\0\0\x03"], Ok(()));
        check(&[b"\0\0", b"\x12\x04\0\0", b"\0\0\0rest", b"HTTP/1.1", b""], Ok(()));
        check(&[b""], Ok(()));
    }

    #[test]
    fn other_protocols_are_shown() {
        check(
            &[b"HTTP/1.1 400 Bad Request\r\n"],
            Err(r#"it answers "HTTP/1.1 400 Bad Request\r\n""#),
        );
        check(&[b"\x15\x03\x03\0\x02"], Err("it answers \"\\x15\\x03\\x03\\x00\\x02\""));
        check(
            &[b"\0\0\0\x06\0\0\0\0\0"],
            Err("it answers \"\\x00\\x00\\x00\\x06\\x00\\x00\\x00\\x00\\x00\""),
        );
        check(&[b"\0\0", b""], Err("it answers \"\\x00\\x00\""));
        let long = [b'x'; 500];
        check(&[&long], Err(&format!("it answers \"{}\"", "x".repeat(64))));
    }
}
