use std::collections::VecDeque;

use bytes::Bytes;
use rpcplugin_core::limits;

/// The last bytes of one channel.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: VecDeque<u8>,
    capacity: usize,
    dropped: u64,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::new(), capacity, dropped: 0 }
    }

    /// Appends, and lets the oldest bytes go where there is no room.
    pub(super) fn push(&mut self, data: &[u8]) {
        let skipped = data.len().saturating_sub(self.capacity);
        let data = data.get(skipped..).unwrap_or_default();
        let over = (self.bytes.len() + data.len()).saturating_sub(self.capacity);
        self.bytes.drain(..over);
        self.bytes.extend(data);
        self.dropped += (skipped + over) as u64;
    }

    /// Takes the next chunk out, if there is anything.
    pub(super) fn chunk(&mut self) -> Option<Bytes> {
        let len = self.bytes.len().min(limits::STDIO_CHUNK);
        (len > 0).then(|| self.bytes.drain(..len).collect())
    }

    /// Another capacity; what no longer fits goes as if it were overwritten.
    pub(super) fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.push(&[]);
    }

    /// How many bytes were lost so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ring: &mut Ring) -> Vec<u8> {
        std::iter::from_fn(|| ring.chunk()).flatten().collect()
    }

    #[test]
    fn the_oldest_bytes_go_and_are_counted() {
        let mut ring = Ring::new(4);
        ring.push(b"abc");
        ring.push(b"de");
        assert_eq!((all(&mut ring), ring.dropped()), (b"bcde".to_vec(), 1));
        ring.push(b"0123456789");
        assert_eq!((all(&mut ring), ring.dropped()), (b"6789".to_vec(), 7));
        ring.push(b"wxyz");
        ring.resize(2);
        assert_eq!((all(&mut ring), ring.dropped()), (b"yz".to_vec(), 9));
    }

    #[test]
    fn chunks_have_at_most_1024_bytes_and_are_never_empty() {
        let mut ring = Ring::new(10_000);
        assert_eq!(ring.chunk(), None);
        ring.push(&[7; 2500]);
        let lengths: Vec<_> =
            std::iter::from_fn(|| ring.chunk()).map(|chunk| chunk.len()).collect();
        assert_eq!(lengths, [1024, 1024, 452]);
    }
}
