use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that notices which stream this side opened last *on the wire*.
///
/// The library of yamux does not tell: it queues the frame that opens a stream like any other.
#[derive(Debug)]
pub(super) struct Watched<T> {
    io: T,
    frames: Frames,
    opened: Opened,
}

/// The stream that was opened last; 0 before the first. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Opened(Arc<AtomicU32>);

impl Opened {
    pub(super) fn last(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl<T> Watched<T> {
    pub(super) fn new(io: T) -> (Self, Opened) {
        let opened = Opened::default();
        (Self { io, frames: Frames::default(), opened: opened.clone() }, opened)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, data))?;
        if let Some(id) = self.frames.pass(data.get(..written).unwrap_or(data)) {
            self.opened.0.store(id, Ordering::SeqCst);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Follows the frames of yamux in a sequence of bytes.
#[derive(Debug, Default)]
struct Frames {
    header: Vec<u8>,
    /// What is left of a frame's body.
    body: usize,
}

impl Frames {
    /// Bytes of a header: version, type, flags, stream, length.
    const HEADER: usize = 12;
    const DATA: u8 = 0;
    const WINDOW_UPDATE: u8 = 1;
    const SYN: u16 = 1;

    /// Takes the next bytes in; the last stream that was opened in them.
    fn pass(&mut self, mut bytes: &[u8]) -> Option<u32> {
        let mut opened = None;
        while !bytes.is_empty() {
            let wanted = if self.body > 0 { self.body } else { Self::HEADER - self.header.len() };
            let (now, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.body > 0 {
                self.body -= now.len();
                continue;
            }
            self.header.extend_from_slice(now);
            if let Ok([_, kind, f0, f1, i0, i1, i2, i3, l0, l1, l2, l3]) =
                <[u8; Self::HEADER]>::try_from(self.header.as_slice())
            {
                self.header.clear();
                if kind == Self::DATA {
                    self.body = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
                }
                let opens = u16::from_be_bytes([f0, f1]) & Self::SYN != 0;
                if opens && matches!(kind, Self::DATA | Self::WINDOW_UPDATE) {
                    opened = Some(u32::from_be_bytes([i0, i1, i2, i3]));
                }
            }
        }
        opened
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u16, id: u32, length: u32) -> Vec<u8> {
        let mut frame = vec![0, kind];
        frame.extend(flags.to_be_bytes());
        frame.extend(id.to_be_bytes());
        frame.extend(length.to_be_bytes());
        if kind == 0 {
            // A body full of what would open a stream if it were read as headers.
            frame.extend(std::iter::repeat_n([0, 0, 0, 1], 64).flatten().take(length as usize));
        }
        frame
    }

    #[test]
    fn a_ping_opens_nothing() {
        assert_eq!(Frames::default().pass(&frame(2, 1, 0, 7)), None);
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_each_opened_stream_is_seen(
            sent in prop::collection::vec((0..4_u8, 0..4_u16, 1..9_u32, 0..200_u32), 1..12),
            cuts in prop::collection::vec(1..40_usize, 1..200),
        ) {
            let mut bytes = Vec::new();
            let mut expected = None;
            for (kind, flags, id, length) in sent {
                bytes.extend(frame(kind, flags, id, length));
                if kind < 2 && flags & 1 == 1 {
                    expected = Some(id);
                }
            }
            let (mut frames, mut seen, mut rest) = (Frames::default(), None, bytes.as_slice());
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                seen = frames.pass(now).or(seen);
                rest = later;
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
