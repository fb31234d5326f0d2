//! What handshakes are made of, made again when a manager has something new.

use std::sync::{Arc, Mutex, PoisonError};

use rpcplugin_core::SecurityError;

use crate::{Certificate, CustomTls, custom::Snapshot, manager::Version};

type Make<M> = fn(&CustomTls, &Snapshot) -> Result<M, SecurityError>;

/// Where a side's handshakes get what they need. Clones share what was made.
pub(crate) enum Source<M> {
    Fixed(Arc<M>),
    Managed(Arc<Managed<M>>),
}

pub(crate) struct Managed<M> {
    custom: CustomTls,
    make: Make<M>,
    made: Mutex<(Version, Arc<M>)>,
}

impl<M> Source<M> {
    pub(crate) fn fixed(material: M) -> Self {
        Self::Fixed(Arc::new(material))
    }

    /// Of what the operator supplies, now and later.
    pub(crate) fn of(custom: &CustomTls, make: Make<M>) -> Result<Self, SecurityError> {
        let now = custom.snapshot();
        let made = Mutex::new((now.version, Arc::new(make(custom, &now)?)));
        Ok(Self::Managed(Arc::new(Managed { custom: custom.clone(), make, made })))
    }

    pub(crate) fn latest(&self) -> Arc<M> {
        match self {
            Self::Fixed(material) => material.clone(),
            Self::Managed(managed) => managed.latest(),
        }
    }

    /// What is pinned: nothing that a manager holds.
    pub(crate) fn pinned<'a>(
        &'a self,
        of: impl FnOnce(&'a M) -> Option<&'a Certificate>,
    ) -> Option<&'a Certificate> {
        match self {
            Self::Fixed(material) => of(material),
            Self::Managed(_) => None,
        }
    }

    /// Changes what is made now, or what it will be made of.
    pub(crate) fn change(
        self,
        fixed: impl FnOnce(&M) -> Result<M, SecurityError>,
        managed: impl FnOnce(CustomTls) -> CustomTls,
    ) -> Result<Self, SecurityError> {
        match self {
            Self::Fixed(material) => fixed(&material).map(Self::fixed),
            Self::Managed(before) => Self::of(&managed(before.custom.clone()), before.make),
        }
    }
}

impl<M> Managed<M> {
    fn latest(&self) -> Arc<M> {
        let (version, made) = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if version == self.custom.version() {
            return made;
        }
        let now = self.custom.snapshot();
        match (self.make)(&self.custom, &now) {
            Ok(material) => {
                let material = Arc::new(material);
                let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
                *made = (now.version, material.clone());
                material
            }
            // The manager tried it before it took it, so this is out of the ordinary.
            Err(error) => {
                tracing::error!(code = error.code(), "new certificates are not used: {error}");
                made
            }
        }
    }
}

impl<M> Clone for Source<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Fixed(material) => Self::Fixed(material.clone()),
            Self::Managed(managed) => Self::Managed(managed.clone()),
        }
    }
}
