use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rpcplugin_core::{CrashReport, TransportError};
use tokio::sync::watch;

/// One life of one plugin process, shared by its channels and whoever supervises it.
///
/// Clones are the same life. It ends once, and stays ended.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::{EndReason, Generation};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let generation = Generation::new();
/// assert!(generation.ended().is_none());
/// generation.clone().end(EndReason::ShutDown);
/// assert!(matches!(generation.wait().await, EndReason::ShutDown));
/// # }
/// ```
#[derive(Clone)]
pub struct Generation {
    inner: Arc<Inner>,
}

struct Inner {
    reason: watch::Sender<Option<EndReason>>,
    closed: AtomicBool,
    /// What ends every call of this life. Made once: a report may hold 100 lines, and 10 000
    /// calls may end with it.
    error: OnceLock<Arc<TransportError>>,
}

/// Why a plugin's life ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EndReason {
    /// The process ended by itself or was killed by somebody else.
    Gone(Arc<CrashReport>),
    /// Its host shut it down.
    ShutDown,
}

impl Generation {
    /// A life that has just begun.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            reason: watch::Sender::new(None),
            closed: AtomicBool::new(false),
            error: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Refuses new calls as [`TransportError::ShutDown`], because the host has begun to stop the
    /// process. Calls in flight go on, and so do [privileged](crate::PluginChannel::privileged)
    /// channels.
    pub fn close(&self) {
        self.inner.closed.store(true, Ordering::SeqCst);
    }

    /// Whether new calls are refused.
    pub(crate) fn is_closed(&self) -> bool {
        self.inner.closed.load(Ordering::SeqCst)
    }

    /// Ends it. Calls in flight end within 100 ms, each with what it has received so far.
    ///
    /// The first reason stays; later ones are ignored.
    pub fn end(&self, reason: EndReason) {
        self.inner.reason.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }

    /// Why it ended; `None` while it lasts.
    #[must_use]
    pub fn ended(&self) -> Option<EndReason> {
        self.inner.reason.borrow().clone()
    }

    /// Waits for its end. Cancel-safe.
    pub async fn wait(&self) -> EndReason {
        let mut reason = self.inner.reason.subscribe();
        loop {
            if let Some(reason) = reason.borrow_and_update().clone() {
                return reason;
            }
            if reason.changed().await.is_err() {
                // `self` holds the sender, so this cannot come.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.inner.reason.borrow().is_some()
    }

    /// What ends the calls of a life that is over.
    pub(crate) fn error(&self) -> Option<Arc<TransportError>> {
        let reason = self.ended()?;
        let error = self.inner.error.get_or_init(|| {
            Arc::new(match reason {
                EndReason::Gone(report) => TransportError::PluginGone {
                    report: Some(Box::new(Arc::unwrap_or_clone(report))),
                },
                EndReason::ShutDown => TransportError::ShutDown,
            })
        });
        Some(error.clone())
    }
}

impl Default for Generation {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation").field("ended", &self.ended()).finish()
    }
}

#[cfg(test)]
mod tests {
    use rpcplugin_core::Phase;

    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays() {
        let generation = Generation::new();
        generation.end(EndReason::Gone(Arc::new(CrashReport::new(Phase::Running))));
        generation.end(EndReason::ShutDown);
        assert!(matches!(generation.wait().await, EndReason::Gone(_)));
        assert!(matches!(*generation.error().unwrap(), TransportError::PluginGone { .. }));
    }

    #[tokio::test]
    async fn everybody_who_waits_is_told() {
        let generation = Generation::new();
        let waiters = [generation.clone(), generation.clone()]
            .map(|generation| tokio::spawn(async move { generation.wait().await }));
        tokio::task::yield_now().await;
        generation.end(EndReason::ShutDown);
        for waiter in waiters {
            assert!(matches!(waiter.await.unwrap(), EndReason::ShutDown));
        }
    }
}
