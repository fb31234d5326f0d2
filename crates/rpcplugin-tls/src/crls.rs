use std::{fmt, sync::Arc, time::SystemTime};

use rpcplugin_core::{SecurityError, escape_text};
use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject as _};
use x509_parser::{prelude::FromDer as _, revocation_list::CertificateRevocationList};

use crate::{
    PemSource,
    files::{Secrecy, invalid},
};

/// The lists of certificates that authorities have revoked. Clones share them.
///
/// Where they are given, every certificate of a chain below the root must be covered: without a
/// list of its issuer, or with one that is out of date, it is refused. Lists stay as they were
/// loaded; [`CertManagerBuilder::crls`](crate::CertManagerBuilder::crls) follows a file of them.
#[derive(Clone)]
pub struct Crls {
    lists: Arc<[CertificateRevocationListDer<'static>]>,
    /// When the first of them is out of date, in Unix seconds.
    next_update: Option<u64>,
}

impl Crls {
    /// Reads PEM that holds revocation lists, one at least.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if there is none, or if one is unreadable.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SecurityError> {
        let lists = CertificateRevocationListDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid(format!("revocation list: unreadable PEM: {error}")))?;
        if lists.is_empty() {
            return Err(invalid("no revocation list in the PEM"));
        }
        let now = unix(SystemTime::now());
        let mut first = None;
        for list in &lists {
            let Ok(([], list)) = CertificateRevocationList::from_der(list) else {
                return Err(invalid("a revocation list that is none in DER"));
            };
            let next = list.next_update().map(|next| u64::try_from(next.timestamp()).unwrap_or(0));
            if next.is_some_and(|next| next <= now) {
                tracing::warn!(
                    issuer = escape_text(&list.issuer().to_string()),
                    "a revocation list is out of date, and whom it covers is refused"
                );
            }
            first = first.into_iter().chain(next).min();
        }
        Ok(Self { lists: lists.into(), next_update: first })
    }

    /// Reads PEM from a file, or from text. **Blocks** on the file.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if it cannot be read, and as [`from_pem`](Self::from_pem).
    pub fn load(source: impl Into<PemSource>) -> Result<Self, SecurityError> {
        let source = source.into();
        let pem = source.read(Secrecy::Public)?;
        Self::from_pem(&pem).map_err(|error| source.blame(error))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lists.len()
    }

    pub(crate) fn lists(&self) -> impl Iterator<Item = CertificateRevocationListDer<'static>> + '_ {
        self.lists.iter().cloned()
    }

    /// Whether the next update of one is overdue.
    pub(crate) fn are_stale(&self, now: SystemTime) -> bool {
        self.next_update.is_some_and(|next| next <= unix(now))
    }

    /// These and the others.
    pub(crate) fn and(&self, others: &Self) -> Self {
        let next_update = self.next_update.into_iter().chain(others.next_update).min();
        Self { lists: self.lists().chain(others.lists()).collect(), next_update }
    }
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl fmt::Debug for Crls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crls").field("count", &self.count()).finish()
    }
}
