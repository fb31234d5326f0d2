use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// Connections that have not yet proved themselves, bounded in number: beyond it the oldest goes,
/// so those who open many and say nothing shut nobody out. Clones share one bound.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeMap<u64, CancellationToken>,
}

/// One connection's place; dropping it gives the place up.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    evicted: CancellationToken,
    pending: Pending,
}

impl Pending {
    /// More than a host opens at once, and few enough to be cheap.
    const MOST: usize = 128;

    pub(super) fn enter(&self) -> Place {
        let evicted = CancellationToken::new();
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.waiting.insert(id, evicted.clone());
        if state.waiting.len() > Self::MOST
            && let Some((_, oldest)) = state.waiting.pop_first()
        {
            oldest.cancel();
        }
        drop(state);
        Place { id, evicted, pending: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Runs `proof` as long as the place is held; `None` if it was lost.
    pub(super) async fn hold<F: Future>(self, proof: F) -> Option<F::Output> {
        self.evicted.run_until_cancelled(proof).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pending.state().waiting.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_the_bound_the_oldest_goes() {
        let pending = Pending::default();
        let oldest = pending.enter();
        let others: Vec<_> = (1..Pending::MOST).map(|_| pending.enter()).collect();
        assert!(!oldest.evicted.is_cancelled());
        let newest = pending.enter();
        assert_eq!(oldest.hold(std::future::pending::<()>()).await, None);
        assert_eq!(newest.hold(async { 7 }).await, Some(7));
        drop(others);
        assert!(pending.state().waiting.is_empty());
    }
}
