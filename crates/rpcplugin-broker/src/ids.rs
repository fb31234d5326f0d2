use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::ServiceId;

/// The numbers of the side channels that this side serves; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids(Arc<Mutex<Numbers>>);

/// Hands out numbers from 1 up; one that is live is never handed out again.
#[derive(Debug, Default)]
struct Numbers {
    last: u32,
    /// The numbers have begun again.
    wrapped: bool,
    live: HashMap<u32, CancellationToken>,
}

/// A number in use; dropping it frees the number.
#[derive(Debug)]
pub(crate) struct LiveId {
    id: u32,
    /// Asks for the end of what is served under it.
    closed: CancellationToken,
    ids: Ids,
}

impl Ids {
    pub(crate) fn next(&self) -> LiveId {
        let closed = CancellationToken::new();
        let id = self.numbers().take(closed.clone());
        LiveId { id, closed, ids: self.clone() }
    }

    /// Asks for the end of what is served under a number; `false` if nothing is.
    pub(crate) fn close(&self, id: u32) -> bool {
        let closed = self.numbers().live.get(&id).cloned();
        // Outside of the lock: it wakes tasks.
        closed.inspect(CancellationToken::cancel).is_some()
    }

    /// Whether a number was handed out, and what was served under it is closed: nobody will serve
    /// it from here on.
    pub(crate) fn is_over(&self, id: u32) -> bool {
        let numbers = self.numbers();
        match numbers.live.get(&id) {
            Some(closed) => closed.is_cancelled(),
            None => id != 0 && (id <= numbers.last || numbers.wrapped),
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.numbers().live.len()
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        // No code that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Numbers {
    fn take(&mut self, closed: CancellationToken) -> u32 {
        // It ends: four billion live channels fit into no memory.
        loop {
            self.wrapped |= self.last == u32::MAX;
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.live.contains_key(&self.last) {
                self.live.insert(self.last, closed);
                return self.last;
            }
        }
    }
}

impl LiveId {
    pub(crate) fn id(&self) -> ServiceId {
        self.id.into()
    }

    pub(crate) const fn ids(&self) -> &Ids {
        &self.ids
    }

    pub(crate) const fn closed(&self) -> &CancellationToken {
        &self.closed
    }
}

impl Drop for LiveId {
    fn drop(&mut self) {
        self.ids.numbers().live.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_begin_with_1_and_go_up() {
        let ids = Ids::default();
        assert_eq!(ids.next().id, 1);
        assert_eq!(ids.next().id, 2, "a number that was freed does not come back soon");
        assert_eq!(ids.live(), 0);
    }

    #[test]
    fn after_the_last_number_live_ones_and_0_are_skipped() {
        let ids = Ids::default();
        let held = [ids.next(), ids.next()];
        ids.numbers().last = u32::MAX - 1;
        assert_eq!(ids.next().id, u32::MAX);
        assert_eq!(ids.next().id, 3);
        drop(held);
        ids.numbers().last = u32::MAX;
        assert_eq!(ids.next().id, 1);
    }

    #[test]
    fn closing_reaches_the_one_that_is_meant() {
        let ids = Ids::default();
        let (first, second) = (ids.next(), ids.next());
        assert!(ids.close(2) && !ids.close(3));
        assert!(second.closed().is_cancelled() && !first.closed().is_cancelled());
    }

    #[test]
    fn a_number_is_over_once_it_is_closed_or_freed() {
        let ids = Ids::default();
        let (first, second) = (ids.next(), ids.next());
        assert!([0, 1, 2, 3].into_iter().all(|id| !ids.is_over(id)));
        ids.close(first.id);
        drop(second);
        assert_eq!([0, 1, 2, 3].map(|id| ids.is_over(id)), [false, true, true, false]);
        ids.numbers().last = u32::MAX;
        assert_eq!(ids.next().id, 2);
        assert!(ids.is_over(3), "all numbers have been used");
    }

    proptest! {
        #[test]
        fn no_live_number_is_handed_out_twice(
            start in prop_oneof![Just(0), u32::MAX - 8..=u32::MAX],
            steps in prop::collection::vec(prop::option::of(0..8_usize), 1..64),
        ) {
            let ids = Ids::default();
            ids.numbers().last = start;
            let mut held: Vec<LiveId> = Vec::new();
            for step in steps {
                match step {
                    Some(index) if index < held.len() => drop(held.swap_remove(index)),
                    _ => {
                        let new = ids.next();
                        prop_assert!(new.id != 0 && held.iter().all(|live| live.id != new.id));
                        held.push(new);
                    }
                }
                prop_assert_eq!(ids.live(), held.len());
            }
        }
    }
}
