use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

/// Time spans, each to three digits, from a nanosecond to an hour.
#[derive(Clone, Debug)]
pub(super) struct Times(Histogram<u64>);

impl Times {
    pub(super) fn new() -> Self {
        const HOUR: u64 = 3_600_000_000_000;
        Self(Histogram::new_with_bounds(1, HOUR, 3).expect("the bounds are in order, 3 is below 6"))
    }

    pub(super) fn add(&mut self, time: Duration) {
        // What took longer than an hour counts as an hour.
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Minimum, median, p90, p99, p99.9 and maximum; none if nothing was measured.
    pub(super) fn summary(&self) -> Option<[Duration; 6]> {
        (!self.0.is_empty()).then(|| {
            let at = |quantile| self.0.value_at_quantile(quantile);
            [self.0.min(), at(0.5), at(0.9), at(0.99), at(0.999), self.0.max()]
                .map(Duration::from_nanos)
        })
    }

    pub(super) fn median(&self) -> Option<Duration> {
        self.summary().map(|[_, median, ..]| median)
    }

    /// How many lie between these bounds, the second excluded.
    pub(super) fn between(&self, from: Duration, to: Duration) -> u64 {
        let [from, to] = [from, to].map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let values = self.0.iter_recorded();
        values
            .filter(|value| (from..to).contains(&value.value_iterated_to()))
            .map(|value| value.count_at_value())
            .sum()
    }
}

/// What the names of percentiles are, in the order of [`Times::summary`].
pub(super) const NAMES: [&str; 6] = ["minimum", "median", "p90", "p99", "p99.9", "maximum"];

/// What callers saw.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// Of calls that succeeded, from their beginning to their end.
    pub(super) latency: Times,
    /// Of calls with a stream of replies, to the first.
    pub(super) first_reply: Times,
    pub(super) replies: u64,
    /// Codes of errors, with how often they came.
    pub(super) failed: BTreeMap<String, u64>,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            latency: Times::new(),
            first_reply: Times::new(),
            replies: 0,
            failed: BTreeMap::new(),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.first_reply.merge(&other.first_reply);
        self.replies += other.replies;
        for (code, count) in &other.failed {
            *self.failed.entry(code.clone()).or_default() += count;
        }
    }

    /// How many were made, whatever became of them.
    pub(super) fn count(&self) -> u64 {
        self.latency.count() + self.failures()
    }

    pub(super) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_added() {
        let mut times = Times::new();
        assert_eq!(times.summary(), None);
        for millisecond in 1..=1000 {
            times.add(Duration::from_millis(millisecond));
        }
        let found = times.summary().unwrap().map(|time| time.as_secs_f64() * 1000.0);
        for (found, wanted) in found.into_iter().zip([1.0, 500.0, 900.0, 990.0, 999.0, 1000.0]) {
            assert!((found - wanted).abs() <= 1.0, "{found} is not {wanted}");
        }
    }

    #[test]
    fn merging_adds() {
        let (mut one, mut two) = (Calls::new(), Calls::new());
        one.latency.add(Duration::from_millis(1));
        two.latency.add(Duration::from_millis(2));
        two.failed.insert("X".to_owned(), 3);
        one.merge(&two);
        assert_eq!((one.count(), one.failures(), one.latency.count()), (5, 3, 2));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let mut times = Times::new();
        for millisecond in 1..=100 {
            times.add(Duration::from_millis(millisecond));
        }
        let middle = Duration::from_millis(40);
        let (low, high) =
            (times.between(Duration::ZERO, middle), times.between(middle, Duration::MAX));
        assert_eq!(low + high, 100);
        assert!((38..=40).contains(&low), "{low}");
    }
}
