use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use rpcplugin_core::limits;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::instrument::WithSubscriber as _;

/// A bounded way to a consumer that may be slow, block or panic: a log, or a writer.
///
/// The consumer has a task of its own, which ends with this.
pub(super) struct Courier<T> {
    sender: mpsc::UnboundedSender<(usize, T)>,
    /// What is on the way, in bytes.
    queued: Arc<AtomicUsize>,
    task: AbortOnDropHandle<()>,
}

/// The consumer's end.
pub(super) struct Inbox<T> {
    receiver: mpsc::UnboundedReceiver<(usize, T)>,
    queued: Arc<AtomicUsize>,
}

impl<T: Send + 'static> Courier<T> {
    /// What may be on the way, in bytes.
    const MOST: usize = 1024 * 1024;
    /// What an item costs beside its bytes.
    const OVERHEAD: usize = 64;

    pub(super) fn start<F: Future<Output = ()> + Send + 'static>(
        consume: impl FnOnce(Inbox<T>) -> F,
    ) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let queued = Arc::<AtomicUsize>::default();
        let inbox = Inbox { receiver, queued: Arc::clone(&queued) };
        let task = tokio::spawn(consume(inbox).with_current_subscriber());
        Self { sender, queued, task: AbortOnDropHandle::new(task) }
    }

    /// Sends an item on its way; false if there is no room or no consumer.
    pub(super) fn offer(&self, length: usize, item: T) -> bool {
        let weight = length.saturating_add(Self::OVERHEAD);
        // Only this side adds, so there is no race for the room.
        if self.queued.load(Ordering::Relaxed).saturating_add(weight) > Self::MOST {
            return false;
        }
        self.queued.fetch_add(weight, Ordering::Relaxed);
        self.sender.send((weight, item)).is_ok()
    }

    /// Lets the consumer finish, for a moment.
    pub(super) async fn settle(self) {
        drop(self.sender);
        let _ = tokio::time::timeout(limits::PIPE_DRAIN, self.task).await;
    }
}

impl<T> Inbox<T> {
    /// The next item; `None` when no more will come.
    pub(super) async fn next(&mut self) -> Option<T> {
        let (weight, item) = self.receiver.recv().await?;
        self.queued.fetch_sub(weight, Ordering::Relaxed);
        Some(item)
    }
}
