use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rpcplugin_core::forward_write;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const KEPT: usize = 32;

/// Passes everything through, and keeps the first bytes that the peer sent: they tell a peer that
/// does not speak TLS, and what it speaks.
#[derive(Debug)]
pub(crate) struct FirstBytes<IO> {
    io: IO,
    bytes: [u8; KEPT],
    len: usize,
}

impl<IO> FirstBytes<IO> {
    pub(crate) fn new(io: IO) -> Self {
        Self { io, bytes: [0; KEPT], len: 0 }
    }

    /// What the peer sent first, at most 32 bytes.
    pub(crate) fn first(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(crate) fn get_ref(&self) -> &IO {
        &self.io
    }

    fn keep(&mut self, read: &[u8]) {
        let taken = read.len().min(KEPT - self.len);
        self.bytes[self.len..self.len + taken].copy_from_slice(&read[..taken]);
        self.len += taken;
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for FirstBytes<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        if self.len < KEPT {
            self.keep(&buf.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

forward_write!([IO: AsyncWrite + Unpin] FirstBytes<IO>, io);
