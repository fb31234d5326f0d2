use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::fate::Fate;

/// The connection over which a [traced](super::PluginChannel::traced) channel sent its latest
/// call.
///
/// By the time that a call has failed, the channel may have another connection already, which is
/// not to blame.
#[derive(Clone, Default)]
pub struct CallTrace {
    latest: Arc<Mutex<Option<Arc<Fate>>>>,
}

impl CallTrace {
    pub(super) fn note(&self, fate: &Arc<Fate>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(fate.clone());
    }

    /// Gives that connection up because its peer no longer answers: every call in flight over it
    /// ends as DEADLINE_EXCEEDED with [`Deadline`](rpcplugin_core::TransportError::Deadline) and
    /// this origin as its source. A later call dials anew.
    ///
    /// Does nothing if no call was sent, or the connection is lost already.
    pub fn cut(&self, origin: &str) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(fate) = latest {
            fate.cut(origin);
        }
    }
}

impl fmt::Debug for CallTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTrace").finish_non_exhaustive()
    }
}
