use std::{any::Any, sync::mpsc, time::Duration};

use rpcplugin_core::ExitStatus;
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
/// Dropping it kills the child's group and hands the child to the reaper, which is given a moment
/// to finish: a `main` that returns next would end the reaper's thread, and leave the directory.
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

    /// Kills the group and hands the child to the reaper; the receiver learns its exit status
    /// when it has been reaped and what was kept for it is gone.
    pub(super) fn let_go(&mut self) -> Option<oneshot::Receiver<ExitStatus>> {
        let (sender, receiver) = oneshot::channel();
        self.hand_over(Report::Task(sender))?;
        Some(receiver)
    }

    fn hand_over(&mut self, report: Report) -> Option<()> {
        let (mut child, keep) = self.held.take()?;
        child.signal_group(Signal::Kill);
        reaper::take(Ward { child, keep, report });
        Some(())
    }
}

impl Drop for Custody {
    fn drop(&mut self) {
        /// A killed process of ordinary size is gone within 2 ms. One that takes longer is left
        /// to the reaper: this may be a thread of the runtime.
        const PATIENCE: Duration = Duration::from_millis(20);
        let (sender, receiver) = mpsc::channel();
        if self.hand_over(Report::Thread(sender)).is_some() {
            // Either way the reaper has it now.
            let _ = receiver.recv_timeout(PATIENCE);
        }
    }
}
