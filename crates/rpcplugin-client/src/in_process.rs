//! A plugin that is served in this process, in the place of a process.

use std::{fmt, time::Instant};

use rpcplugin_core::{Error, ExitStatus, Handshake};
use rpcplugin_transport::Connector;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::{ladder::Stoppable, life::Life};

/// A plugin that this process serves itself, for [`Builder::join`](crate::Builder::join).
///
/// Dropping it ends the task that serves.
#[must_use = "dropping it ends the plugin"]
pub struct InProcess<C> {
    pub(crate) connector: C,
    pub(crate) handshake: Handshake,
    pub(crate) served: Served,
}

impl<C: Connector> InProcess<C> {
    /// A plugin that is served by the task `serving`, reached through `connector`, and says
    /// `handshake` of itself. The address in it is for messages; nobody dials it.
    ///
    /// The task's end is the plugin's: `Ok` stands for exit code 0, an error for 1, a panic for
    /// 101. Killing the plugin aborts the task.
    pub fn new(connector: C, handshake: Handshake, serving: JoinHandle<Result<(), Error>>) -> Self {
        let served = Served {
            serving: AbortOnDropHandle::new(serving),
            ended: None,
            terminate: Box::new(|| {}),
            started: Instant::now(),
        };
        Self { connector, handshake, served }
    }

    /// What stands for SIGTERM: a request to stop that does not wait. Without it the signal is
    /// one that the plugin ignores.
    pub fn on_terminate(mut self, terminate: impl FnMut() + Send + 'static) -> Self {
        self.served.terminate = Box::new(terminate);
        self
    }
}

impl<C> fmt::Debug for InProcess<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

/// The task that serves.
pub(crate) struct Served {
    serving: AbortOnDropHandle<Result<(), Error>>,
    ended: Option<ExitStatus>,
    terminate: Box<dyn FnMut() + Send>,
    started: Instant,
}

impl Stoppable for Served {
    async fn ended(&mut self) -> ExitStatus {
        if let Some(status) = self.ended {
            return status;
        }
        let status = match (&mut self.serving).await {
            Ok(Ok(())) => ExitStatus::Code(0),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the plugin in this process failed");
                ExitStatus::Code(1)
            }
            Err(error) if error.is_panic() => ExitStatus::Code(101),
            // Aborted: no process was killed, so there is no signal to name.
            Err(_) => ExitStatus::Unknown,
        };
        *self.ended.insert(status)
    }

    fn terminate(&mut self) {
        (self.terminate)();
    }

    fn kill(&mut self) {
        self.serving.abort();
    }
}

impl Life for Served {
    fn name(&self) -> String {
        "in-process".to_owned()
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn started(&self) -> Instant {
        self.started
    }

    fn try_ended(&mut self) -> Option<ExitStatus> {
        self.ended
    }

    async fn finish(self) {
        // The system holds nothing for it; what the task held went with the task.
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use rpcplugin_core::TransportError;

    use super::*;

    async fn ended(serving: JoinHandle<Result<(), Error>>, kill: bool) -> ExitStatus {
        let (connector, _listener) = rpcplugin_transport::memory::pair();
        let handshake = Handshake::new(1, rpcplugin_core::Address::Unix("/x".into()));
        let mut served = InProcess::new(connector, handshake, serving).served;
        if kill {
            served.kill();
        }
        let status = served.ended().await;
        assert_eq!(served.ended().await, status, "asked again, it says the same");
        assert_eq!(served.try_ended(), Some(status));
        status
    }

    #[tokio::test]
    async fn the_end_of_the_task_is_the_end_of_the_plugin() {
        let done = tokio::spawn(async { Ok(()) });
        assert_eq!(ended(done, false).await, ExitStatus::Code(0));
        let failed = tokio::spawn(async { Err(TransportError::ShutDown.into()) });
        assert_eq!(ended(failed, false).await, ExitStatus::Code(1));
        let panicked = tokio::spawn(async { panic!("a plugin's panic") });
        assert_eq!(ended(panicked, false).await, ExitStatus::Code(101));
        let endless = tokio::spawn(pending());
        assert_eq!(ended(endless, true).await, ExitStatus::Unknown);
    }
}
