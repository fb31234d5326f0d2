//! A plugin that is served in this process, in the place of a process.

use std::{fmt, time::Instant};

use rpcplugin_core::{Error, ExitStatus, Handshake};
use rpcplugin_transport::Connector;
use tokio_util::task::AbortOnDropHandle;
use tracing::instrument::WithSubscriber as _;

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
    /// A plugin that is reached through `connector` and says `handshake` of itself. The address in
    /// it is for messages; nobody dials it.
    ///
    /// `serving` goes on in a task. Its end is the plugin's: `Ok` stands for exit code 0, an error
    /// for 1, a panic for 101. It gets no SIGTERM; killing the plugin drops it.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(
        connector: C,
        handshake: Handshake,
        serving: impl Future<Output = Result<(), Error>> + Send + 'static,
    ) -> Self {
        let serving = AbortOnDropHandle::new(tokio::spawn(serving.with_current_subscriber()));
        let served = Served { serving, ended: None, started: Instant::now() };
        Self { connector, handshake, served }
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
        // A task gets no signals, and the server in it was asked to stop by its controller.
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

    fn is_process(&self) -> bool {
        false
    }

    async fn finish(self) {
        // The system holds nothing for it; what the task held went with the task.
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use rpcplugin_core::{Address, TransportError};

    use super::*;

    type Served = Result<(), Error>;

    async fn ended(
        serving: impl Future<Output = Served> + Send + 'static,
        kill: bool,
    ) -> ExitStatus {
        let (connector, _listener) = rpcplugin_transport::memory::pair();
        let handshake = Handshake::new(1, Address::Unix("/x".into()));
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
        assert_eq!(ended(ready(Ok(())), false).await, ExitStatus::Code(0));
        let failed = ready(Err(TransportError::ShutDown.into()));
        assert_eq!(ended(failed, false).await, ExitStatus::Code(1));
        let panicking = async { panic!("a plugin's panic") };
        assert_eq!(ended(panicking, false).await, ExitStatus::Code(101));
        assert_eq!(ended(pending(), true).await, ExitStatus::Unknown);
    }
}
