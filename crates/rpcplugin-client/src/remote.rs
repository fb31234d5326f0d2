//! A plugin that is none of this host's business but for the calls.

use std::time::Instant;

use rpcplugin_core::ExitStatus;

use crate::{ladder::Stoppable, life::Life};

/// What stands for the process of a plugin that was started by somebody else, perhaps on another
/// machine. It does not end as far as this host is concerned, and is never ended by it.
pub(crate) struct Remote {
    name: String,
    since: Instant,
}

impl Remote {
    pub(crate) fn new(name: String) -> Self {
        Self { name, since: Instant::now() }
    }
}

impl Stoppable for Remote {
    async fn ended(&mut self) -> ExitStatus {
        std::future::pending().await
    }

    fn terminate(&mut self) {}

    fn kill(&mut self) {}
}

impl Life for Remote {
    fn name(&self) -> String {
        self.name.clone()
    }

    /// No process has this id.
    fn pid(&self) -> u32 {
        0
    }

    fn started(&self) -> Instant {
        self.since
    }

    fn try_ended(&mut self) -> Option<ExitStatus> {
        None
    }

    fn stays(&self) -> bool {
        true
    }

    fn is_process(&self) -> bool {
        false
    }

    async fn finish(self) {
        // The system holds nothing for it.
    }
}
