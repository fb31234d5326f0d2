//! What a plugin prints, as it arrives over the stdio service.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio_stream::Stream;

mod buffer;
mod lines;
mod losses;
mod relay;
mod sink;

use self::buffer::Cursor;
pub(crate) use self::{
    buffer::Buffer,
    lines::log_lines,
    relay::relay,
    sink::{Sink, write_to},
};

/// One of the two streams of the stdio service.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum StdioStream {
    /// What the plugin's code wrote to descriptor 1.
    Stdout,
    /// What the plugin's code chose to send as its stderr. Descriptor 2 is the log channel and
    /// does not come this way.
    Stderr,
}

/// A piece of what a plugin printed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StdioChunk {
    /// Where it was printed.
    pub stream: StdioStream,
    /// The bytes, never empty, exactly as they were printed.
    pub data: Bytes,
    /// Bytes of this stream that were lost just before these, because this reader was too slow
    /// for the buffer.
    pub lost: u64,
}

/// Everything that a plugin prints, from its start on; made by [`Client::stdio`](crate::Client::stdio).
///
/// Each reader gets everything, as long as it keeps up with the buffer
/// ([`stdio_buffer_bytes`](crate::Builder::stdio_buffer_bytes) for each of the two streams); what
/// it missed is counted in [`StdioChunk::lost`]. A slow reader never holds up the plugin or
/// another reader. The stream ends when the plugin has ended and everything was read. Dropping it
/// has no effect on the plugin.
pub struct Stdio {
    buffer: Arc<Buffer>,
    cursor: Cursor,
}

impl Stdio {
    pub(crate) fn new(buffer: Arc<Buffer>) -> Self {
        buffer.take();
        let cursor = buffer.cursor();
        Self { buffer, cursor }
    }

    /// The next piece, `None` once the plugin has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<StdioChunk> {
        std::future::poll_fn(|cx| self.buffer.poll_next(&mut self.cursor, cx)).await
    }
}

impl Stream for Stdio {
    type Item = StdioChunk;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<StdioChunk>> {
        let this = self.get_mut();
        this.buffer.poll_next(&mut this.cursor, cx)
    }
}

impl Drop for Stdio {
    fn drop(&mut self) {
        self.buffer.forget(&self.cursor);
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdio").finish_non_exhaustive()
    }
}
