use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// One deadline over the whole start.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    limit: Duration,
}

/// When a step must be done, and the setting that says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) deadline: Instant,
    pub(super) limit: Duration,
}

impl Clock {
    pub(super) fn start(limit: Duration) -> Self {
        Self { began: Instant::now(), limit }
    }

    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// The bound of everything.
    pub(super) fn end(&self) -> Bound {
        Bound { deadline: self.began + self.limit, limit: self.limit }
    }

    /// The bound of a phase that began at `since` and may take `limit`.
    pub(super) fn phase(&self, since: Instant, limit: Duration) -> Bound {
        self.end().and(since, limit)
    }
}

impl Bound {
    /// This, and another that began at `since` and may take `limit`: the one that ends first.
    pub(super) fn and(self, since: Instant, limit: Duration) -> Self {
        let deadline = since + limit;
        if deadline < self.deadline { Self { deadline, limit } } else { self }
    }

    /// Runs a step, or tells the limit that it broke.
    pub(super) async fn within<T>(self, step: impl Future<Output = T>) -> Result<T, Duration> {
        timeout_at(self.deadline, step).await.map_err(|_| self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_bound_that_ends_first_is_the_one_that_is_named() {
        let second = Duration::from_secs(1);
        let clock = Clock::start(10 * second);
        let start = clock.began();
        assert_eq!(clock.phase(start, 60 * second).limit, 10 * second);
        assert_eq!(clock.phase(start, 3 * second).limit, 3 * second);
        assert_eq!(clock.phase(start + 8 * second, 3 * second).limit, 10 * second);
        let broken = clock.phase(start, second).within(std::future::pending::<()>()).await;
        assert_eq!(broken, Err(second));
        assert_eq!(start.elapsed(), second);
    }
}
