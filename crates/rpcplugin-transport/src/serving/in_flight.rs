use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts the calls in progress, and turns new ones away once a drain has begun.
#[derive(Debug, Default)]
pub struct InFlight {
    calls: AtomicUsize,
    draining: AtomicBool,
    idle: Notify,
}

/// One call in progress; dropping it ends the call.
#[derive(Debug)]
pub(super) struct Ticket(Arc<InFlight>);

impl InFlight {
    /// A ticket for a new call, unless no more are taken.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Ticket> {
        // Counted first: a drain that begins now either sees this call or refuses it.
        self.calls.fetch_add(1, Ordering::SeqCst);
        let ticket = Ticket(Arc::clone(self));
        (!self.draining.load(Ordering::SeqCst)).then_some(ticket)
    }

    /// From now on new calls are refused.
    pub fn refuse(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// How many calls are in progress.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Waits until no call is in progress. Cancel-safe.
    pub async fn idle(&self) {
        loop {
            let mut notified = std::pin::pin!(self.idle.notified());
            notified.as_mut().enable();
            if self.calls() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_waits_for_the_last_ticket_and_gives_no_more() {
        let calls = Arc::new(InFlight::default());
        let ticket = calls.enter().unwrap();
        calls.refuse();
        assert!(calls.enter().is_none());
        assert_eq!(calls.calls(), 1);
        let mut idle = tokio_test_idle(&calls);
        assert!(futures_util::poll!(&mut idle).is_pending());
        drop(ticket);
        idle.await;
    }

    fn tokio_test_idle(
        calls: &Arc<InFlight>,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        let calls = Arc::clone(calls);
        Box::pin(async move { calls.idle().await })
    }
}
