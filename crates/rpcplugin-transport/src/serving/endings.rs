use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How what serves connections comes to its end, step by step; clones share it.
///
/// Dropping it ends nothing.
#[derive(Clone, Debug, Default)]
pub struct Endings {
    stopping: CancellationToken,
    closing: CancellationToken,
    cut: CancellationToken,
    tasks: TaskTracker,
}

impl Endings {
    /// Accepting ends with `stopping`.
    #[must_use]
    pub fn new(stopping: CancellationToken) -> Self {
        Self { stopping, ..Self::default() }
    }

    /// Asks each connection to end once its calls have; those without a call yet end at once.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Ends each connection as it is.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Waits until no connection is left, once none is accepted any more. Cancel-safe.
    pub async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(super) const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    pub(super) const fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    pub(super) const fn cutting(&self) -> &CancellationToken {
        &self.cut
    }

    pub(super) const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }
}
