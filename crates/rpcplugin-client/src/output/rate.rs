use std::{
    mem,
    time::{Duration, Instant},
};

/// What was left out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lost {
    pub(crate) pieces: u64,
    pub(crate) bytes: u64,
}

impl Lost {
    pub(crate) fn add(&mut self, length: usize) {
        self.pieces += 1;
        self.bytes += length as u64;
    }
}

/// So much in each second; the rest of the second is counted and left out.
///
/// Windows, not a bucket that drips: under a flood there is one gap and one notice in a second,
/// not a notice for each line that slips through.
pub(crate) struct Rate {
    allowance: usize,
    window: Option<Instant>,
    spent: usize,
    lost: Lost,
}

impl Rate {
    /// Bytes of one stream's log that are passed on in a second; each line counts for 128 more.
    pub(crate) const OF_A_LOG: usize = 1024 * 1024;
    const WINDOW: Duration = Duration::from_secs(1);
    /// What a piece costs beside its bytes: short lines are what makes a log expensive.
    const OVERHEAD: usize = 128;

    pub(crate) fn new(allowance: usize) -> Self {
        Self { allowance, window: None, spent: 0, lost: Lost::default() }
    }

    /// Whether a piece of this length may pass at this time. What was lost before comes along
    /// with the first piece of a new window.
    pub(crate) fn admit(&mut self, length: usize, now: Instant) -> Option<Lost> {
        let over = self.window.is_none_or(|since| now.duration_since(since) >= Self::WINDOW);
        if over {
            self.window = Some(now);
            self.spent = 0;
        }
        let cost = length.saturating_add(Self::OVERHEAD);
        // The first piece of a window passes whatever its length, or it never would.
        if self.spent > 0 && self.spent.saturating_add(cost) > self.allowance {
            self.spent = self.allowance;
            self.lost.add(length);
            return None;
        }
        self.spent += cost;
        Some(self.take_lost())
    }

    /// Whether nothing more passes at this time.
    pub(crate) fn is_spent(&self, now: Instant) -> bool {
        self.spent >= self.allowance
            && self.window.is_some_and(|since| now.duration_since(since) < Self::WINDOW)
    }

    /// Counts whole lines that were not even asked about.
    pub(crate) fn lose(&mut self, lines: &[u8]) {
        let pieces = lines.iter().filter(|byte| **byte == b'\n').count();
        self.lost.pieces += pieces as u64;
        self.lost.bytes += (lines.len() - pieces) as u64;
    }

    /// Counts bytes that nobody saw, whatever lines they were.
    pub(crate) fn miss(&mut self, bytes: u64) {
        if bytes > 0 {
            self.lost.pieces += 1;
            self.lost.bytes += bytes;
        }
    }

    pub(crate) fn take_lost(&mut self) -> Lost {
        mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_has_one_gap_in_each_second() {
        let start = Instant::now();
        let mut rate = Rate::new(1024);
        let passed = (0..1000).filter(|_| rate.admit(0, start).is_some()).count();
        assert_eq!(passed, 8);
        assert_eq!(rate.admit(5, start), None);
        let next = start + Duration::from_secs(1);
        assert_eq!(rate.admit(0, next), Some(Lost { pieces: 993, bytes: 5 }));
        assert_eq!(rate.admit(0, next), Some(Lost::default()), "told once");
    }

    #[test]
    fn one_large_piece_passes() {
        let mut rate = Rate::new(1024);
        assert!(rate.admit(1 << 20, Instant::now()).is_some());
    }
}
