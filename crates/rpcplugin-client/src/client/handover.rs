use std::sync::{MutexGuard, PoisonError};

use rpcplugin_core::{Reattach, TransportError};
use rpcplugin_transport::Birth;

use crate::{Client, State, attached::Lease};

impl Client {
    /// How another host can [attach](crate::Builder::attach) to this plugin after this one: what
    /// a host that wants its plugins to survive it writes down. `None` once the plugin is ending,
    /// and for one that is not a process of this machine.
    ///
    /// On Linux this host holds the plugin against others until it ends: one that
    /// [outlives it](crate::Builder::detach), as it must for this, from its start, any other from
    /// here on. With TLS the next host also needs the
    /// [identity](Client::host_identity) of this one, which is no part of the record.
    #[must_use]
    pub fn reattach(&self) -> Option<Reattach> {
        let facts = &self.shared.facts;
        let mut record = Reattach::new(facts.pid, facts.address.clone(), facts.version);
        record.test = facts.stays;
        record.plugin_cert = facts.protection.announced();
        if let Some(Birth { start_time, boot_id, .. }) = Birth::of(facts.pid) {
            (record.start_time, record.boot_id) = (Some(start_time), Some(boot_id));
        }
        // Before its end begins nobody else can have its id.
        if !facts.is_process || facts.pid == 0 || self.state() != State::Running {
            return None;
        }
        let is_held = || self.lease().is_some();
        if !is_held() {
            // It reads files, so not under the lock; of two at once only one gets it.
            let taken = match Lease::take(facts.pid) {
                Ok(taken) => taken,
                // An attached plugin is held already, and that hold answers for both.
                Err(TransportError::ReattachInUse { holder })
                    if holder == Some(std::process::id()) || is_held() =>
                {
                    None
                }
                Err(error) => {
                    tracing::warn!(pid = facts.pid, %error, "the plugin is not held against others");
                    None
                }
            };
            let mut lease = self.lease();
            if self.state() != State::Running {
                return None;
            }
            if lease.is_none() {
                *lease = taken;
            }
        }
        Some(record)
    }

    fn lease(&self) -> MutexGuard<'_, Option<Lease>> {
        self.shared.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this host proves itself to the plugin by; `None` in plaintext. Whoever has it is this
    /// plugin's host: the application hands it over by itself, as a secret.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn host_identity(&self) -> Option<&rpcplugin_tls::Identity> {
        self.shared.facts.protection.identity()
    }
}
