//! One guarded test at a time in one process.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::thread;

static TURN: Mutex<()> = Mutex::new(());
/// The threads of tests that wait for their turn. They start while another test runs, and are
/// none of its business.
static WAITING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The right to measure this process.
#[derive(Debug)]
pub(super) struct Turn {
    _held: MutexGuard<'static, ()>,
}

impl Turn {
    /// Waits until no other test has the turn.
    pub(super) fn wait() -> Self {
        let me = thread::current();
        waiting().insert(me);
        // A test that failed has poisoned the lock, and says nothing about this one.
        let held = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        waiting().remove(&me);
        Self { _held: held }
    }
}

/// Whether this thread belongs to a test that waits for its turn.
pub(super) fn is_waiting(thread: u32) -> bool {
    waiting().contains(&thread)
}

fn waiting() -> MutexGuard<'static, BTreeSet<u32>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
