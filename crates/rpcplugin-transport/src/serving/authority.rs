//! A way round one habit of gRPC's C core, on which Python, C++ and others build.
//!
//! On a Unix socket in plaintext it sends the socket's path, percent-encoded, as `:authority`
//! (`tmp%2Fplugin.sock`). That is no legal authority, and HTTP/2's library here resets each such
//! call; servers of gRPC ignore the field. So the `%` is replaced on the way in.
//!
//! The replacement has the same length and the C core writes the value without Huffman coding,
//! so nothing else moves: no frame changes its size, and the tables of HPACK agree on both ends.
//! What does not fit this description passes as it is. With TLS these peers send `localhost`.
//! It is a setting of the peer's channel: after one block of headers with a legal `:authority` the
//! rest of the connection passes unread.
//!
//! This can go once the library takes such values.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rpcplugin_core::forward_write;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::frames::Frames;

mod fields;
mod frames;

/// A connection, read from after the preface of HTTP/2, whose `:authority` fields are legal.
#[derive(Debug)]
pub(super) struct LegalAuthority<T> {
    io: T,
    frames: Frames,
}

impl<T> LegalAuthority<T> {
    pub(super) fn new(io: T) -> Self {
        Self { io, frames: Frames::default() }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for LegalAuthority<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        if let Some(new) = buf.filled_mut().get_mut(before..) {
            self.frames.pass(new);
        }
        Poll::Ready(Ok(()))
    }
}

forward_write!([T: AsyncWrite + Unpin] LegalAuthority<T>, io);

/// The bytes as they leave the adapter, if they reach it in pieces of this length.
#[cfg(any(test, fuzzing))]
pub(crate) fn mended(bytes: &[u8], piece: usize) -> Vec<u8> {
    let (mut frames, mut bytes) = (Frames::default(), bytes.to_vec());
    bytes.chunks_mut(piece.max(1)).for_each(|piece| frames.pass(piece));
    bytes
}

#[cfg(test)]
mod tests;
