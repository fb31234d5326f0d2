use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rpcplugin::Client;
use tokio::task::JoinSet;

use super::{
    method::{Answered, Method},
    session::Stop,
    stats::Calls,
};

/// How many calls are made, how many at once, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) until: Until,
    pub(super) concurrency: u32,
    /// Calls a second, due at fixed times.
    pub(super) rate: Option<f64>,
    pub(super) warm_up: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    Count(u64),
    Elapsed(Duration),
}

/// Callers at work. Dropping it ends them, and their calls.
#[derive(Debug)]
pub(super) struct Callers {
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
    /// What each has seen so far.
    seen: Vec<Arc<Mutex<Calls>>>,
}

#[derive(Debug)]
struct Shared {
    load: Load,
    began: Instant,
    /// The number of the next call.
    next: AtomicU64,
}

impl Callers {
    /// Sets them to work.
    pub(super) fn start(load: Load, client: &Client, method: &Method, stop: &Stop) -> Self {
        let shared = Arc::new(Shared { load, began: Instant::now(), next: AtomicU64::new(0) });
        let mut callers = Self { tasks: JoinSet::new(), shared, seen: Vec::new() };
        for _ in 0..load.concurrency {
            let seen = Arc::new(Mutex::new(Calls::new()));
            callers.seen.push(seen.clone());
            let (shared, client, method, mut stop) =
                (callers.shared.clone(), client.clone(), method.clone(), stop.clone());
            callers.tasks.spawn(async move {
                let mut watch = stop.clone();
                tokio::select! {
                    biased;
                    // A call that is under way then is given up, and does not count.
                    () = watch.set() => {}
                    () = work(&shared, &client, &method, &mut stop, &seen) => {}
                }
            });
        }
        callers
    }

    /// Waits until all have ended.
    pub(super) async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// What they have seen so far.
    pub(super) fn seen(&self) -> Calls {
        let mut all = Calls::new();
        for one in &self.seen {
            all.merge(&one.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all
    }
}

async fn work(
    shared: &Shared,
    client: &Client,
    method: &Method,
    stop: &mut Stop,
    seen: &Mutex<Calls>,
) {
    while !stop.is_set() {
        let Some(due) = shared.due() else { return };
        let began = match due {
            Due::Now => Instant::now(),
            // A call that is late already has waited since it was due; one that is not may wait for
            // the timer, which is not the plugin's doing.
            Due::At(time) if time <= Instant::now() => time,
            Due::At(time) => {
                tokio::time::sleep_until(time.into()).await;
                Instant::now()
            }
        };
        let answered = method.call(client).await.map_err(|error| error.code().to_string());
        let took = began.elapsed();
        seen.lock().unwrap_or_else(PoisonError::into_inner).add(answered, took);
    }
}

enum Due {
    Now,
    At(Instant),
}

impl Shared {
    /// When the next call is to be made; `None` if there is none.
    fn due(&self) -> Option<Due> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let after = self.load.rate.map(|rate| Duration::from_secs_f64(number as f64 / rate));
        let is_within = match self.load.until {
            Until::Count(count) => number < count,
            Until::Elapsed(limit) => self.began.elapsed().max(after.unwrap_or_default()) < limit,
        };
        is_within.then(|| after.map_or(Due::Now, |after| Due::At(self.began + after)))
    }
}

impl Calls {
    fn add(&mut self, answered: Result<Answered, String>, took: Duration) {
        match answered {
            Ok(answered) => {
                self.latency.add(took);
                self.replies += answered.replies;
                if let Some(first) = answered.first {
                    self.first_reply.add(first);
                }
            }
            Err(code) => *self.failed.entry(code).or_default() += 1,
        }
    }
}
