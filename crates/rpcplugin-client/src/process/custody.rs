use std::{
    any::Any,
    pin::Pin,
    sync::mpsc,
    task::{Context, Poll},
    time::Duration,
};

use rpcplugin_core::{ExitStatus, limits};
use tokio::sync::oneshot;

use super::{
    Signal,
    child::OwnedChild,
    reaper::{self, Report, Ward},
};

/// Something that must outlive a process, dropped when the process has been reaped.
pub(super) type Keep = Box<dyn Any + Send>;

/// The duty to end a child.
///
/// Dropping it kills the child's group and hands the child to the reaper.
pub(super) struct Custody {
    /// `None` once the reaper has it.
    held: Option<(OwnedChild, Option<Keep>)>,
}

impl Custody {
    pub(super) fn new(child: OwnedChild, keep: Option<Keep>) -> Self {
        Self { held: Some((child, keep)) }
    }

    pub(super) fn child(&self) -> &OwnedChild {
        &self.held.as_ref().expect("only let_go and drop take it, and they end the handle").0
    }

    pub(super) fn child_mut(&mut self) -> &mut OwnedChild {
        &mut self.held.as_mut().expect("only let_go and drop take it, and they end the handle").0
    }

    /// Kills the group and hands the child to the reaper.
    pub(super) fn let_go(&mut self) -> Option<Reaping> {
        let (mut child, keep) = self.held.take()?;
        child.signal_group(Signal::Kill);
        let (status, receiver) = oneshot::channel();
        let (done, waiting) = mpsc::channel();
        reaper::take(Ward { child, keep, report: Report { status, done } });
        Some(Reaping { status: receiver, done: waiting })
    }
}

impl Drop for Custody {
    fn drop(&mut self) {
        drop(self.let_go());
    }
}

/// A child in the reaper's hands; yields its exit status when it has been reaped and what was
/// kept for it is gone.
///
/// Dropping it gives the reaper a moment to finish, and up to [`limits::REAP`] if the runtime ends
/// or this is no thread of one: a `main` that returns next would end the reaper's thread and leave
/// the directory.
pub(super) struct Reaping {
    status: oneshot::Receiver<ExitStatus>,
    done: mpsc::Receiver<()>,
}

impl Future for Reaping {
    type Output = Result<ExitStatus, oneshot::error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.status).poll(cx)
    }
}

impl Drop for Reaping {
    fn drop(&mut self) {
        /// A killed process of ordinary size is gone within 2 ms on a machine that is not busy.
        /// One that takes longer is left to the reaper while the runtime has other work to do.
        const PATIENCE: Duration = Duration::from_millis(50);
        // Nothing is ever sent: the end of the sender is the news, and it may be old.
        let waited = self.done.recv_timeout(PATIENCE);
        if waited == Err(mpsc::RecvTimeoutError::Timeout) && !in_live_runtime() {
            let _ = self.done.recv_timeout(limits::REAP.saturating_sub(PATIENCE));
        }
    }
}

/// Whether this thread serves a runtime that goes on.
pub(super) fn in_live_runtime() -> bool {
    // A runtime that ends drops its tasks, and cancels at once what is spawned then.
    tokio::runtime::Handle::try_current().is_ok_and(|runtime| {
        let probe = runtime.spawn(std::future::pending::<()>());
        let is_live = !probe.is_finished();
        probe.abort();
        is_live
    })
}
