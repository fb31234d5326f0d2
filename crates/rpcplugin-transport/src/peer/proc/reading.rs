//! One reading of the kernel's tables for all who wait for one: a busy machine has a hundred
//! thousand sockets, and many connections may come at once.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use super::Socket;

/// The sockets, read at `since` or later; `None` if the kernel does not tell.
pub(super) fn shared(since: Instant) -> Option<Arc<[Socket]>> {
    LATEST.since(since, || super::sockets().map(Arc::from))
}

/// Keeps the latest reading for others who wait, for as long as one of them does.
pub(in crate::peer) struct Interest<'a>(&'a Latest);

impl Interest<'static> {
    pub(in crate::peer) fn new() -> Self {
        LATEST.interest()
    }
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        if self.0.interested.fetch_sub(1, Ordering::SeqCst) == 1 {
            *self.0.lock() = None;
        }
    }
}

static LATEST: Latest = Latest::new();

/// The latest reading.
struct Latest {
    interested: AtomicUsize,
    reading: Mutex<Option<Reading>>,
}

struct Reading {
    begun: Instant,
    sockets: Arc<[Socket]>,
}

impl Latest {
    const fn new() -> Self {
        Self { interested: AtomicUsize::new(0), reading: Mutex::new(None) }
    }

    fn since(
        &self,
        since: Instant,
        read: impl FnOnce() -> Option<Arc<[Socket]>>,
    ) -> Option<Arc<[Socket]>> {
        let _interest = self.interest();
        // Held while reading: whoever comes meanwhile waits, and mostly finds what it needs.
        let mut latest = self.lock();
        let fresh = latest.as_ref().filter(|reading| reading.begun >= since);
        fresh.map(|reading| reading.sockets.clone()).or_else(|| {
            let begun = Instant::now();
            let sockets = read()?;
            *latest = Some(Reading { begun, sockets: sockets.clone() });
            Some(sockets)
        })
    }

    fn interest(&self) -> Interest<'_> {
        self.interested.fetch_add(1, Ordering::SeqCst);
        Interest(self)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Reading>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread, time::Duration};

    use super::*;

    #[test]
    fn many_connections_share_a_reading() {
        let latest = Latest::new();
        let (readings, all) = (AtomicUsize::new(0), Barrier::new(20));
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let accepted = Instant::now();
                    all.wait();
                    latest.since(accepted, || {
                        readings.fetch_add(1, Ordering::SeqCst);
                        // Until all the others wait.
                        while latest.interested.load(Ordering::SeqCst) < 20 {
                            thread::yield_now();
                        }
                        Some(Arc::new([]))
                    })
                });
            }
        });
        assert_eq!(readings.into_inner(), 1);
        assert!(latest.reading.into_inner().unwrap().is_none(), "nothing is kept");
    }

    #[test]
    fn a_reading_from_before_does_not_count() {
        let latest = Latest::new();
        let _interest = latest.interest();
        let read = || Some(Arc::from([]));
        let first = latest.since(Instant::now(), read).unwrap();
        let later = Instant::now() + Duration::from_millis(1);
        let mut readings = 0;
        latest.since(later, || {
            readings += 1;
            Some(first)
        });
        assert_eq!(readings, 1);
    }
}
