use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;

use super::{StdioChunk, StdioStream};

/// Most bytes that a reader is given at once.
const PIECE: usize = 64 * 1024;

/// The last bytes of each stream, for any number of readers.
///
/// **Invariant:** writing never waits, and holds no more than `limit` bytes of each stream.
#[derive(Debug)]
pub(crate) struct Buffer {
    limit: usize,
    inner: Mutex<Inner>,
}

/// How far a reader has come.
#[derive(Debug)]
pub(crate) struct Cursor {
    id: u64,
    read: [u64; 2],
    /// Whose turn it is: a flood of one stream must not starve the other.
    turn: StdioStream,
}

#[derive(Debug, Default)]
struct Inner {
    rings: [Ring; 2],
    closed: bool,
    taken: bool,
    readers: u64,
    wakers: HashMap<u64, Waker>,
}

#[derive(Debug, Default)]
struct Ring {
    bytes: VecDeque<u8>,
    /// Bytes ever written.
    end: u64,
}

impl Buffer {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::default() }
    }

    /// A reader that begins with the oldest byte there is.
    pub(crate) fn cursor(&self) -> Cursor {
        let mut inner = self.lock();
        inner.readers += 1;
        Cursor { id: inner.readers, read: [0; 2], turn: StdioStream::Stdout }
    }

    /// Notes that the application reads for itself.
    pub(crate) fn take(&self) {
        self.lock().taken = true;
    }

    /// Whether the application reads for itself.
    pub(crate) fn is_taken(&self) -> bool {
        self.lock().taken
    }

    /// Appends what was printed; the oldest bytes give way.
    pub(crate) fn push(&self, stream: StdioStream, data: &[u8]) {
        let mut inner = self.lock();
        inner.rings[index(stream)].push(data, self.limit);
        inner.wake();
    }

    /// Ends the stream of every reader, once it has read the rest.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.wake();
    }

    /// The next piece for the reader at `cursor`, of the two streams in turn as long as both have
    /// one.
    pub(crate) fn poll_next(
        &self,
        cursor: &mut Cursor,
        cx: &mut Context<'_>,
    ) -> Poll<Option<StdioChunk>> {
        let order = [cursor.turn, other(cursor.turn)];
        self.poll_of(&order, cursor, cx)
    }

    /// The next piece of one stream, for a reader that wants no other.
    pub(crate) async fn next_of(
        &self,
        stream: StdioStream,
        cursor: &mut Cursor,
    ) -> Option<StdioChunk> {
        std::future::poll_fn(|cx| self.poll_of(&[stream], cursor, cx)).await
    }

    /// The next piece of the first of these streams that has one.
    fn poll_of(
        &self,
        streams: &[StdioStream],
        cursor: &mut Cursor,
        cx: &mut Context<'_>,
    ) -> Poll<Option<StdioChunk>> {
        let mut inner = self.lock();
        for &stream in streams {
            let n = index(stream);
            if let Some((data, lost)) = inner.rings[n].read(&mut cursor.read[n]) {
                cursor.turn = other(stream);
                return Poll::Ready(Some(StdioChunk { stream, data, lost }));
            }
        }
        if inner.closed {
            return Poll::Ready(None);
        }
        inner.wakers.insert(cursor.id, cx.waker().clone());
        Poll::Pending
    }

    /// Bytes of one stream that are lost already to the reader at `cursor`.
    pub(crate) fn missed(&self, stream: StdioStream, cursor: &Cursor) -> u64 {
        let n = index(stream);
        self.lock().rings[n].start().saturating_sub(cursor.read[n])
    }

    /// Lets go of a reader that will not come back.
    pub(crate) fn forget(&self, cursor: &Cursor) {
        self.lock().wakers.remove(&cursor.id);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that runs under the lock leaves the rings half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn wake(&mut self) {
        for (_, waker) in self.wakers.drain() {
            waker.wake();
        }
    }
}

impl Ring {
    fn push(&mut self, data: &[u8], limit: usize) {
        self.end += data.len() as u64;
        let kept = &data[data.len().saturating_sub(limit)..];
        let surplus = (self.bytes.len() + kept.len()).saturating_sub(limit);
        self.bytes.drain(..surplus);
        self.bytes.extend(kept);
    }

    /// Bytes ever written that are no longer here.
    fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// What lies behind `read`, and how many bytes before it were lost.
    fn read(&self, read: &mut u64) -> Option<(Bytes, u64)> {
        let start = self.start();
        let lost = start.saturating_sub(*read);
        let from = usize::try_from((*read).saturating_sub(start)).ok()?;
        if from >= self.bytes.len() {
            return None;
        }
        let data: Bytes = self.bytes.range(from..).take(PIECE).copied().collect();
        *read = start + (from + data.len()) as u64;
        Some((data, lost))
    }
}

const fn index(stream: StdioStream) -> usize {
    match stream {
        StdioStream::Stdout => 0,
        StdioStream::Stderr => 1,
    }
}

const fn other(stream: StdioStream) -> StdioStream {
    match stream {
        StdioStream::Stdout => StdioStream::Stderr,
        StdioStream::Stderr => StdioStream::Stdout,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Stdio;

    fn chunk(stream: StdioStream, data: &'static str, lost: u64) -> StdioChunk {
        StdioChunk { stream, data: Bytes::from_static(data.as_bytes()), lost }
    }

    #[tokio::test]
    async fn every_reader_gets_everything() {
        let buffer = Arc::new(Buffer::new(100));
        buffer.push(StdioStream::Stdout, b"before ");
        let (mut one, mut two) = (Stdio::new(buffer.clone()), Stdio::new(buffer.clone()));
        assert_eq!(one.next().await, Some(chunk(StdioStream::Stdout, "before ", 0)));
        buffer.push(StdioStream::Stdout, b"after");
        buffer.push(StdioStream::Stderr, b"err");
        buffer.close();
        assert_eq!(one.next().await, Some(chunk(StdioStream::Stderr, "err", 0)));
        assert_eq!(one.next().await, Some(chunk(StdioStream::Stdout, "after", 0)));
        assert_eq!(two.next().await, Some(chunk(StdioStream::Stdout, "before after", 0)));
        assert_eq!(two.next().await, Some(chunk(StdioStream::Stderr, "err", 0)));
        assert_eq!((one.next().await, two.next().await), (None, None));
    }

    #[tokio::test]
    async fn g6_a_flood_of_stdout_does_not_starve_stderr() {
        let buffer = Arc::new(Buffer::new(4 * PIECE));
        buffer.push(StdioStream::Stdout, &[b'o'; 4 * PIECE]);
        buffer.push(StdioStream::Stderr, &[b'e'; PIECE + 1]);
        let mut reader = Stdio::new(buffer.clone());
        let mut streams = Vec::new();
        for _ in 0..5 {
            // The flood goes on while the application reads.
            buffer.push(StdioStream::Stdout, b"o");
            streams.push(reader.next().await.unwrap().stream);
        }
        use StdioStream::{Stderr as E, Stdout as O};
        assert_eq!(streams, [O, E, O, E, O]);
    }

    #[tokio::test]
    async fn a_reader_of_one_stream_waits_for_it_alone() {
        let buffer = Buffer::new(4);
        let mut cursor = buffer.cursor();
        buffer.push(StdioStream::Stdout, b"out");
        let next = buffer.next_of(StdioStream::Stderr, &mut cursor);
        assert!(futures_util::poll!(std::pin::pin!(next)).is_pending());
        assert_eq!(cursor.read, [0; 2], "none of it was copied");
        buffer.push(StdioStream::Stderr, b"err");
        let next = buffer.next_of(StdioStream::Stderr, &mut cursor).await;
        assert_eq!(next, Some(chunk(StdioStream::Stderr, "err", 0)));
    }

    #[tokio::test]
    async fn a_slow_reader_loses_the_oldest_bytes_and_learns_how_many() {
        let buffer = Arc::new(Buffer::new(4));
        let mut reader = Stdio::new(buffer.clone());
        buffer.push(StdioStream::Stdout, b"ab");
        assert_eq!(reader.next().await, Some(chunk(StdioStream::Stdout, "ab", 0)));
        buffer.push(StdioStream::Stdout, b"cde");
        buffer.push(StdioStream::Stdout, b"fgh");
        assert_eq!(reader.next().await, Some(chunk(StdioStream::Stdout, "efgh", 2)));
        buffer.push(StdioStream::Stdout, b"0123456789");
        assert_eq!(reader.next().await, Some(chunk(StdioStream::Stdout, "6789", 6)));
        // Each stream has a ring of its own.
        buffer.push(StdioStream::Stderr, b"e");
        assert_eq!(reader.next().await, Some(chunk(StdioStream::Stderr, "e", 0)));
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken_and_a_dropped_one_forgotten() {
        let buffer = Arc::new(Buffer::new(4));
        let mut reader = Stdio::new(buffer.clone());
        let waiting = tokio::spawn(async move { reader.next().await });
        tokio::task::yield_now().await;
        buffer.push(StdioStream::Stderr, b"x");
        assert_eq!(waiting.await.unwrap(), Some(chunk(StdioStream::Stderr, "x", 0)));
        assert!(buffer.lock().wakers.is_empty());
    }
}
