use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use rpcplugin_core::limits;
use tokio::{sync::watch, time::timeout};

use super::{Board, HealthReporter, Serving};

/// A question that is asked again and again, and whose answer is a service's health.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpcplugin_server::{Context, HealthCheck, Serving};
///
/// fn watch_disk(context: &Context) {
///     let check = HealthCheck::new(|| async {
///         if std::path::Path::new("/var/lib/kv").exists() {
///             Serving::Serving
///         } else {
///             Serving::NotServing
///         }
///     });
///     context.health().attach("proto.KV", check.interval(Duration::from_secs(30)));
/// }
/// ```
#[must_use = "a check does nothing until it is attached"]
pub struct HealthCheck {
    ask: Ask,
    interval: Duration,
    timeout: Duration,
}

type Ask = Box<dyn FnMut() -> BoxFuture<'static, Serving> + Send>;

impl HealthCheck {
    /// A check that is made every 10 s and may take 2 s.
    pub fn new<F, Fut>(mut ask: F) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Serving> + Send + 'static,
    {
        Self {
            ask: Box::new(move || ask().boxed()),
            interval: limits::KEEPALIVE,
            timeout: limits::PING_TIMEOUT,
        }
    }

    /// Time from one answer to the next question: 10 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long an answer may take: 2 s. Later ones count as [`Serving::NotServing`], and the
    /// future is dropped.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Asks once. A panic is no answer that anybody should rely on.
    async fn answer(&mut self) -> Serving {
        let asked = AssertUnwindSafe(async { (self.ask)().await }).catch_unwind();
        match timeout(self.timeout, asked).await {
            Ok(Ok(serving)) => serving,
            Ok(Err(_)) | Err(_) => Serving::NotServing,
        }
    }

    async fn run(mut self, service: String, board: Weak<watch::Sender<Board>>) {
        /// Bounds what an interval of zero costs.
        const SHORTEST: Duration = Duration::from_millis(1);
        loop {
            let serving = self.answer().await;
            let Some(board) = board.upgrade() else { return };
            HealthReporter(board).set(service.as_str(), serving);
            tokio::time::sleep(self.interval.max(SHORTEST)).await;
        }
    }
}

impl HealthReporter {
    /// Lets a check decide about one service from now on. It is asked at once and then at its
    /// interval; until the first answer the status is [`Serving::Unknown`].
    ///
    /// A service has one check: another takes its place. Checks end when the plugin stops.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn attach(&self, service: impl Into<String>, check: HealthCheck) {
        let (service, runtime) = (service.into(), tokio::runtime::Handle::current());
        let run = check.run(service.clone(), Arc::downgrade(&self.0));
        self.0.send_if_modified(|board| {
            if board.draining {
                return false;
            }
            // Its first answer has to wait for this lock, and so cannot come too early.
            let task = runtime.spawn(run).abort_handle();
            if let Some(before) = board.checks.insert(service.clone(), task) {
                before.abort();
            }
            board.services.insert(service, Serving::Unknown) != Some(Serving::Unknown)
        });
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthCheck")
            .field("interval", &self.interval)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rpcplugin_proto::health::health_check_response::ServingStatus;
    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Waits for the service's next status.
    async fn next(board: &mut watch::Receiver<Board>) -> ServingStatus {
        board.changed().await.unwrap();
        board.borrow_and_update().status("kv").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_is_made_at_once_and_at_its_interval() {
        let reporter = HealthReporter::new([]);
        let mut board = reporter.0.subscribe();
        let mut answers = [Serving::Serving, Serving::Serving, Serving::NotServing].into_iter();
        let check = HealthCheck::new(move || std::future::ready(answers.next().unwrap()));
        let start = Instant::now();
        reporter.attach("kv", check.interval(3 * SECOND));
        assert_eq!(next(&mut board).await, ServingStatus::Unknown);
        assert_eq!(next(&mut board).await, ServingStatus::Serving);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(next(&mut board).await, ServingStatus::NotServing);
        assert_eq!(start.elapsed(), 6 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_and_a_panic_are_not_serving() {
        let reporter = HealthReporter::new(["kv"]);
        let mut board = reporter.0.subscribe();
        let mut round = 0;
        let check = HealthCheck::new(move || {
            round += 1;
            let round = round;
            async move {
                match round {
                    1 => sleep(60 * SECOND).await,
                    3 => panic!("a check of a test"),
                    _ => {}
                }
                Serving::Serving
            }
        });
        let start = Instant::now();
        reporter.attach("kv", check.interval(SECOND).timeout(5 * SECOND));
        assert_eq!(next(&mut board).await, ServingStatus::Unknown);
        assert_eq!(next(&mut board).await, ServingStatus::NotServing);
        assert_eq!(start.elapsed(), 5 * SECOND);
        assert_eq!(next(&mut board).await, ServingStatus::Serving);
        assert_eq!(next(&mut board).await, ServingStatus::NotServing);
        assert_eq!(next(&mut board).await, ServingStatus::Serving, "a panic ends no check");
    }

    #[tokio::test(start_paused = true)]
    async fn checks_end_with_another_check_with_a_drain_and_with_the_board() {
        let alive = Arc::new(());
        let check = || {
            let alive = alive.clone();
            HealthCheck::new(move || {
                let alive = alive.clone();
                async move {
                    std::future::pending::<()>().await;
                    drop(alive);
                    Serving::Serving
                }
            })
        };
        let ended = async |left: usize| {
            while Arc::strong_count(&alive) > 1 + left {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let reporter = HealthReporter::new([]);
        reporter.attach("kv", check().timeout(SECOND));
        reporter.attach("kv", check().timeout(60 * SECOND));
        // A question in progress holds a second clone.
        ended(2).await;
        reporter.drain();
        ended(0).await;
        reporter.attach("kv", check());
        ended(0).await;

        let other = HealthReporter::new([]);
        other.attach("kv", check());
        drop(other);
        ended(0).await;
    }
}
