//! One thread for the whole process, which waits for killed children and clears up after them.
//!
//! A thread, because a child must be reaped although its runtime is gone; polling, because there
//! is seldom anything to wait for, and then for a millisecond. What was kept for a child goes on a
//! thread of its own: a file system that hangs must not hold up the other children.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use rpcplugin_core::ExitStatus;
use tokio::sync::oneshot;

use super::{child::OwnedChild, custody::Keep};

/// A killed child, what must go after it, and who wants to know.
pub(super) struct Ward {
    pub(super) child: OwnedChild,
    pub(super) keep: Option<Keep>,
    pub(super) report: Report,
}

/// Who wants to know that a child is gone.
pub(super) struct Report {
    pub(super) status: oneshot::Sender<ExitStatus>,
    /// Dropped when all is done, for a thread that cannot await the status.
    pub(super) done: Sender<()>,
}

static INBOX: Mutex<Option<Sender<Ward>>> = Mutex::new(None);

/// Makes sure that the thread runs: before a child exists, so that want of resources is an error
/// of the start and not of the end.
pub(super) fn start() -> io::Result<()> {
    let mut inbox = INBOX.lock().unwrap_or_else(PoisonError::into_inner);
    if inbox.is_none() {
        let (sender, receiver) = channel();
        thread::Builder::new().name("rpcplugin-reaper".to_owned()).spawn(move || run(&receiver))?;
        *inbox = Some(sender);
    }
    Ok(())
}

/// Takes over a child that has been sent SIGKILL.
pub(super) fn take(ward: Ward) {
    let inbox = INBOX.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = match &*inbox {
        Some(sender) => sender.send(ward).err().map(|refused| refused.0),
        None => Some(ward),
    };
    if let Some(mut ward) = refused {
        // Only if the process is ending and its threads are gone already.
        ward.child.try_reap();
    }
}

fn run(inbox: &Receiver<Ward>) {
    const FIRST_PAUSE: Duration = Duration::from_micros(500);
    const LONGEST_PAUSE: Duration = Duration::from_millis(100);
    let mut wards = Vec::new();
    let mut pause = FIRST_PAUSE;
    loop {
        let arrival = if wards.is_empty() {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            inbox.recv_timeout(pause)
        };
        match arrival {
            Ok(ward) => {
                wards.push(ward);
                pause = FIRST_PAUSE;
            }
            Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(LONGEST_PAUSE),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        wards = wards.into_iter().filter_map(settle).collect();
    }
}

/// Reaps a child that can be reaped and has what was kept for it cleared up, or gives it back.
fn settle(mut ward: Ward) -> Option<Ward> {
    let Some(status) = ward.child.try_reap() else { return Some(ward) };
    let Some(keep) = ward.keep.take() else {
        ward.report.tell(status);
        return None;
    };
    let Some(turn) = Turn::take() else {
        ward.keep = Some(keep);
        return Some(ward);
    };
    let clearing = Arc::new(Mutex::new(Some((keep, ward.report, turn))));
    let on_thread = clearing.clone();
    let thread = thread::Builder::new().name("rpcplugin-clearer".to_owned());
    if thread.spawn(move || clear(&on_thread, status)).is_err() {
        clear(&clearing, status);
    }
    None
}

/// What is to be dropped, who is told afterwards, and the right to do so.
type Clearing = Mutex<Option<(Keep, Report, Turn)>>;

/// Drops what was kept for a child. A file system may hold that up for any time.
fn clear(clearing: &Clearing, status: ExitStatus) {
    let taken = clearing.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((keep, report, turn)) = taken {
        // It is foreign code, and its panic is not ours.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(keep)));
        drop(turn);
        report.tell(status);
    }
}

impl Report {
    fn tell(self, status: ExitStatus) {
        drop(self.done);
        // Whoever asked may have stopped waiting.
        let _ = self.status.send(status);
    }
}

/// The right to have a thread that clears up.
struct Turn;

impl Turn {
    /// Most such threads. If all of them hang, children are reaped all the same; only the news of
    /// it waits.
    const MOST: usize = 16;

    fn take() -> Option<Self> {
        let more = |count| (count < Self::MOST).then(|| count + 1);
        let taken = CLEARING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        // Only then: one that is dropped gives its place back.
        taken.ok().map(|_| Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        CLEARING.fetch_sub(1, Ordering::Relaxed);
    }
}

static CLEARING: AtomicUsize = AtomicUsize::new(0);
