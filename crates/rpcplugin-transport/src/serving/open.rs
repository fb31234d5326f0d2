use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rpcplugin_core::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections that are served, bounded in number.
///
/// Beyond the bound it is the newcomer that goes: one that is served may carry the host's calls
/// and streams, and the host comes first. Clones share one bound.
#[derive(Clone, Debug)]
pub(super) struct Open {
    places: Arc<Semaphore>,
    told: Arc<AtomicBool>,
}

impl Default for Open {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(limits::CONNECTIONS)), told: Arc::default() }
    }
}

impl Open {
    /// A place, given up when it is dropped; `None` if all are taken, of which the first time is
    /// worth a warning.
    pub(super) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none() {
            if self.told.swap(true, Ordering::Relaxed) {
                tracing::debug!("closed a connection: too many are open");
            } else {
                let most = limits::CONNECTIONS;
                tracing::warn!(
                    most,
                    "closed a connection, as later ones will be: too many are open"
                );
            }
        }
        place
    }
}
