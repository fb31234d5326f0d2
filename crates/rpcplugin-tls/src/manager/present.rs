use std::sync::{Arc, PoisonError, RwLock};

use tokio::time::Instant;

use crate::{Crls, Identity, Roots};

/// What a manager holds, as handshakes see it. The lock is never held for longer than a copy.
#[derive(Debug)]
pub(crate) struct Present(RwLock<Arc<Held>>);

#[derive(Debug)]
pub(super) struct Held {
    change: u64,
    pub(super) identity: Identity,
    pub(super) roots: Roots,
    pub(super) overlap: Option<Overlap>,
    pub(super) crls: Option<Crls>,
}

/// Roots from before a change, and when they go.
#[derive(Clone, Debug)]
pub(super) struct Overlap {
    pub(super) roots: Roots,
    pub(super) until: Instant,
}

/// Tells one state of trust and identity from another.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Version {
    change: u64,
    overlapping: bool,
}

impl Present {
    pub(super) fn new(identity: Identity, roots: Roots, crls: Option<Crls>) -> Self {
        Self(RwLock::new(Arc::new(Held { change: 1, identity, roots, overlap: None, crls })))
    }

    pub(super) fn held(&self) -> Arc<Held> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces all but the revocation lists. One task alone does so.
    pub(super) fn put(&self, identity: Identity, roots: Roots, overlap: Option<Overlap>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let crls = held.crls.clone();
        *held = Arc::new(Held { change: held.change + 1, identity, roots, overlap, crls });
    }

    /// Replaces those alone.
    pub(super) fn put_lists(&self, crls: Crls) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let (identity, roots) = (held.identity.clone(), held.roots.clone());
        let (overlap, crls) = (held.overlap.clone(), Some(crls));
        *held = Arc::new(Held { change: held.change + 1, identity, roots, overlap, crls });
    }

    pub(crate) fn version(&self) -> Version {
        self.held().version(Instant::now())
    }

    pub(crate) fn identity(&self) -> Identity {
        self.held().identity.clone()
    }

    pub(crate) fn take(&self) -> (Version, Identity, Roots, Option<Crls>) {
        let held = self.held();
        let version = held.version(Instant::now());
        let roots = match &held.overlap {
            Some(overlap) if version.overlapping => held.roots.and(&overlap.roots),
            _ => held.roots.clone(),
        };
        (version, held.identity.clone(), roots, held.crls.clone())
    }
}

impl Held {
    /// By the clock, not by the task that tells of it: the task may be gone.
    fn version(&self, now: Instant) -> Version {
        let overlapping = self.overlap.as_ref().is_some_and(|overlap| now < overlap.until);
        Version { change: self.change, overlapping }
    }
}
