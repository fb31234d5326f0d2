use std::{fmt, time::Duration};

/// How long calls took.
#[derive(Debug, Default)]
pub(super) struct Times {
    count: u32,
    sum: Duration,
    shortest: Option<Duration>,
    longest: Duration,
}

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        self.count += 1;
        self.sum += time;
        self.longest = self.longest.max(time);
        self.shortest = Some(self.shortest.map_or(time, |shortest| shortest.min(time)));
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.sum.checked_div(self.count).unwrap_or_default();
        let [mean, shortest, longest] = [mean, self.shortest.unwrap_or_default(), self.longest]
            .map(|time| time.as_secs_f64() * 1000.0);
        let count = self.count;
        write!(
            f,
            "{count} calls: mean {mean:.3} ms, shortest {shortest:.3} ms, longest {longest:.3} ms"
        )
    }
}
