//! What the plugin's author wants done when the server is ready, and when it stops.

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tracing::instrument::WithSubscriber as _;

/// One for each moment at most.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) ready: Option<Hook>,
    pub(crate) drain: Option<Hook>,
    pub(crate) shutdown: Option<LastHook>,
}

pub(crate) type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;
pub(crate) type LastHook = Box<dyn FnOnce(Duration) -> BoxFuture<'static, ()> + Send>;

/// A hook at work, in a task of its own: its panic is its own, too. Dropping it ends the hook.
#[derive(Debug)]
pub(crate) struct AtWork {
    name: &'static str,
    task: JoinHandle<()>,
}

impl AtWork {
    /// Begins with a hook; without one it is finished at once.
    pub(crate) fn begin(name: &'static str, hook: Option<BoxFuture<'static, ()>>) -> Self {
        let work = async move {
            if let Some(hook) = hook {
                hook.await;
            }
        };
        Self { name, task: tokio::spawn(work.with_current_subscriber()) }
    }

    /// Waits for its end.
    pub(crate) async fn finish(mut self) {
        if let Err(error) = (&mut self.task).await
            && error.is_panic()
        {
            tracing::error!(hook = self.name, "a hook panicked");
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("ready", &self.ready.is_some())
            .field("drain", &self.drain.is_some())
            .field("shutdown", &self.shutdown.is_some())
            .finish()
    }
}
