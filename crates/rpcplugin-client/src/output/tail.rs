use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rpcplugin_core::{escape, limits};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::logs;

/// The last lines of a stream, for crash reports. A cheap handle on one ring.
#[derive(Clone)]
pub(crate) struct Tail {
    ring: Arc<Mutex<Ring>>,
    complete: CancellationToken,
}

struct Ring {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    most: usize,
}

impl Tail {
    /// Wait for what was written before the end: longer than the pipes are drained.
    pub(crate) const PATIENCE: Duration = limits::PIPE_DRAIN.saturating_mul(2);

    /// A tail of at most this many lines, each cut at [`limits::REPORT_LINE`].
    pub(crate) fn new(most: usize) -> Self {
        let ring = Ring { lines: VecDeque::new(), bytes: 0, most };
        Self { ring: Arc::new(Mutex::new(ring)), complete: CancellationToken::new() }
    }

    /// A tail to which nothing will be added.
    pub(crate) fn empty() -> Self {
        let tail = Self::new(0);
        tail.complete.cancel();
        tail
    }

    /// The lines so far, escaped, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.lines.iter().map(|line| escape(line)).collect()
    }

    /// The plugin's own words on why it ended: the last line with an error code of ours, else the
    /// last that begins a panic or a traceback, else the last that is not empty.
    pub(crate) fn reason(&self) -> Option<String> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        logs::reason(ring.lines.iter().rev().map(Vec::as_slice))
    }

    /// The lines when everything has been read that the process wrote; to be asked for once its
    /// end is known. Waits [`Tail::PATIENCE`] at most.
    pub(crate) async fn last_words(&self) -> Vec<String> {
        let _ = tokio::time::timeout(Self::PATIENCE, self.complete.cancelled()).await;
        self.lines()
    }

    pub(super) fn push(&self, line: &[u8]) {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// To be dropped when nothing more will come, or by a panic.
    pub(super) fn complete_on_drop(&self) -> DropGuard {
        self.complete.clone().drop_guard()
    }
}

impl Ring {
    /// Bounds a tail of very many very long lines.
    const MOST_BYTES: usize = 1024 * 1024;

    fn push(&mut self, line: &[u8]) {
        let line = line.get(..limits::REPORT_LINE).unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // The oldest line's memory is used again: a flood passes through here.
        let mut slot = Vec::new();
        while self.lines.len() >= self.most || self.bytes + line.len() > Self::MOST_BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.len();
            slot = oldest;
        }
        slot.clear();
        slot.extend_from_slice(line);
        self.bytes += slot.len();
        self.lines.push_back(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_first() {
        let tail = Tail::new(2);
        for line in ["a", "b", "c\r", "\x1b[2J"] {
            tail.push(line.as_bytes());
        }
        assert_eq!(tail.lines(), ["c", r"\x1b[2J"]);
    }

    #[test]
    fn lines_are_cut_and_their_sum_is_bounded() {
        let tail = Tail::new(10_000);
        for _ in 0..10_000 {
            tail.push(&[b'x'; 5000]);
        }
        let lines = tail.lines();
        assert_eq!(lines.len(), Ring::MOST_BYTES / limits::REPORT_LINE);
        assert!(lines.iter().all(|line| line.len() == limits::REPORT_LINE));
    }

    #[test]
    fn a_tail_of_no_lines_keeps_none() {
        let tail = Tail::new(0);
        tail.push(b"x");
        assert!(tail.lines().is_empty());
    }
}
