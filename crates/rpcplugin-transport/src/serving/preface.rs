use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use rpcplugin_core::{escape, forward_write, limits};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    time::timeout,
};

use super::authority::LegalAuthority;
use crate::Io;

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits for the preface of HTTP/2, so that a connection in plaintext, which needs no proof, at
/// least speaks.
///
/// # Errors
///
/// None of the kinds is a fault of ours: closed without a byte, as probes do, other bytes, or
/// nothing within 5 s.
pub(super) async fn read_preface<T: Io>(mut io: T) -> io::Result<Replayed<LegalAuthority<T>>> {
    let mut first = [0; PREFACE.len()];
    let mut len = 0;
    let reading = async {
        while len < first.len() {
            match io.read(&mut first[len..]).await? {
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed early")),
                read => len += read,
            }
            if first[..len] != PREFACE[..len] {
                let shown = escape(&first[..len]);
                let said = format!("it does not speak HTTP/2: \"{shown}\"");
                return Err(io::Error::new(io::ErrorKind::InvalidData, said));
            }
        }
        Ok(())
    };
    timeout(FIRST_BYTES, reading).await.map_err(|_| too_slow())??;
    Ok(Replayed { unread: PREFACE, io: LegalAuthority::new(io) })
}

/// A connection whose preface is read again.
#[derive(Debug)]
pub(super) struct Replayed<T> {
    unread: &'static [u8],
    io: T,
}

impl<T: AsyncRead + Unpin> AsyncRead for Replayed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let (now, later) = self.unread.split_at(self.unread.len().min(buf.remaining()));
        buf.put_slice(now);
        self.unread = later;
        Poll::Ready(Ok(()))
    }
}

forward_write!([T: AsyncWrite + Unpin] Replayed<T>, io);

/// Time for a connection's first bytes.
const FIRST_BYTES: Duration = limits::CONNECTION_TIMEOUT;

/// Turns a lost race with the clock into the error of a slow peer.
fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it said nothing in time")
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn the_preface_is_read_again() {
        let (mut peer, ours) = tokio::io::duplex(64);
        peer.write_all(PREFACE).await.unwrap();
        peer.write_all(b"more").await.unwrap();
        let mut io = read_preface(ours).await.unwrap();
        let mut all = [0; PREFACE.len() + 4];
        io.read_exact(&mut all).await.unwrap();
        assert_eq!(all.split_at(24), (&PREFACE[..], &b"more"[..]));
    }

    #[tokio::test]
    async fn other_protocols_and_probes_are_told_apart() {
        let (mut peer, ours) = tokio::io::duplex(64);
        peer.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let error = read_preface(ours).await.unwrap_err();
        assert_eq!(error.to_string(), r#"it does not speak HTTP/2: "GET / HTTP/1.1\r\n""#);
        let (peer, ours) = tokio::io::duplex(64);
        drop(peer);
        assert_eq!(read_preface(ours).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_dropped_after_5_s() {
        let (_peer, ours) = tokio::io::duplex(64);
        let start = tokio::time::Instant::now();
        assert_eq!(read_preface(ours).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 5);
    }
}
