//! Written after the documentation and never run: no machine to test it on was at hand.
//!
//! There is no job object, so descendants of a killed plugin live on, and so do plugins without
//! a lifeline when their host dies.

use std::{io, process::Child, time::Duration};

use rpcplugin_core::ExitStatus;

use crate::process::Signal;

/// A child of this process that nobody else waits for.
pub(in crate::process) struct OwnedChild {
    child: Child,
}

impl OwnedChild {
    pub(in crate::process) fn new(child: Child) -> Self {
        Self { child }
    }

    pub(in crate::process) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has. The open handle keeps its number from being given away.
    pub(in crate::process) fn try_exit(&mut self) -> Option<ExitStatus> {
        match self.child.try_wait() {
            Ok(status) => status.map(ExitStatus::from),
            Err(_) => Some(ExitStatus::Unknown),
        }
    }

    pub(in crate::process) fn signal_group(&mut self, signal: Signal) {
        match signal {
            // There is no gentle way to end a process without a window or a console.
            Signal::Terminate => {}
            // An error means that it has ended.
            Signal::Kill => drop(self.child.kill()),
        }
    }

    pub(in crate::process) fn try_reap(&mut self) -> Option<ExitStatus> {
        self.try_exit()
    }
}

/// Wakes whoever waits for a child's end.
pub(in crate::process) struct ExitWatch;

impl ExitWatch {
    pub(in crate::process) fn new(_: &OwnedChild) -> io::Result<Self> {
        Ok(Self)
    }

    pub(in crate::process) async fn changed(&mut self) {
        const PAUSE: Duration = Duration::from_millis(10);
        tokio::time::sleep(PAUSE).await;
    }
}
