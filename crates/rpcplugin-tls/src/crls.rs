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
/// loaded, so whoever holds them loads them again before the next update is due.
#[derive(Clone)]
pub struct Crls(Arc<[CertificateRevocationListDer<'static>]>);

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
        for list in &lists {
            match CertificateRevocationList::from_der(list) {
                Ok(([], list)) if is_stale(&list, SystemTime::now()) => tracing::warn!(
                    issuer = escape_text(&list.issuer().to_string()),
                    "a revocation list is out of date, and whom it covers is refused"
                ),
                Ok(([], _)) => {}
                _ => return Err(invalid("a revocation list that is none in DER")),
            }
        }
        Ok(Self(lists.into()))
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
        self.0.len()
    }

    pub(crate) fn lists(&self) -> impl Iterator<Item = CertificateRevocationListDer<'static>> + '_ {
        self.0.iter().cloned()
    }
}

/// Whether the next update is overdue.
fn is_stale(list: &CertificateRevocationList<'_>, now: SystemTime) -> bool {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    list.next_update().is_some_and(|next| u64::try_from(next.timestamp()).unwrap_or(0) <= now)
}

impl fmt::Debug for Crls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crls").field("count", &self.count()).finish()
    }
}
