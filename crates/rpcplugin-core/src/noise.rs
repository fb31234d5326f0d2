use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counts what peers do wrong, so that the more they do the less of it is logged: whoever can make
/// a line of the log whenever they like can fill a disk with it.
///
/// Clones share one count.
///
/// # Example
///
/// ```
/// use rpcplugin_core::Noise;
///
/// let noise = Noise::default();
/// let lines = (0..1_000_000).filter(|_| noise.make().is_some()).count();
/// assert_eq!(lines, 16 + 15);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Noise {
    made: Arc<AtomicU64>,
}

impl Noise {
    /// A peer that makes so many mistakes makes more of them.
    const FIRST: u64 = 16;

    /// Counts one, and returns how many there were so far if this one is worth a line: the first
    /// 16 are, then each doubling.
    #[must_use]
    pub fn make(&self) -> Option<u64> {
        let count = self.made.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        (count <= Self::FIRST || count.is_power_of_two()).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_16_and_each_doubling_are_worth_a_line_whichever_clone_makes_them() {
        let noise = Noise::default();
        let other = noise.clone();
        let worth: Vec<_> = (0..100).flat_map(|_| [noise.make(), other.make()]).flatten().collect();
        let expected: Vec<_> = (1..=16).chain([32, 64, 128]).collect();
        assert_eq!(worth, expected);
    }
}
