use rpcplugin_core::Reattach;
use tokio::task::JoinHandle;

use crate::ServerHandle;

/// A server in test mode; made by [`Server::test`](crate::Server::test).
///
/// Dropping it ends the server at once: the listener closes, its socket is removed, and calls in
/// progress are cut.
#[derive(Debug)]
#[must_use = "dropping it ends the server"]
pub struct TestServer {
    reattach: Reattach,
    handle: ServerHandle,
    serving: Serving,
}

/// Ends the task when it goes.
#[derive(Debug)]
struct Serving(JoinHandle<()>);

impl TestServer {
    pub(crate) fn new(reattach: Reattach, handle: ServerHandle, serving: JoinHandle<()>) -> Self {
        Self { reattach, handle, serving: Serving(serving) }
    }

    /// How hosts reach it.
    #[must_use]
    pub fn reattach(&self) -> &Reattach {
        &self.reattach
    }

    /// The server from outside. It may be kept, and stops the server too.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Stops it in order, within the grace period that it was built with.
    pub async fn shutdown(self) {
        self.handle.stop();
        self.ended().await;
    }

    /// Waits until it has ended. Dropping the future ends it at once.
    pub async fn ended(mut self) {
        // It fails if serving panicked, and then it has ended, too.
        let _ = (&mut self.serving.0).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}
