use std::{fmt, sync::Arc};

use rpcplugin_core::SecurityError;
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::{Certificate, PemSource, files::Secrecy};

/// The authorities that an operator trusts: under [`CustomTls`](crate::CustomTls) a peer's chain
/// must end in one of them. Clones share them.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// Reads PEM that holds certificates of authorities, one at least. Text around them is ignored.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if there is none, or if one cannot be an authority.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_tls::Roots;
    ///
    /// let error = Roots::from_pem(b"no certificate").unwrap_err();
    /// assert_eq!(error.code(), "SECURITY_CERT_INVALID");
    /// ```
    pub fn from_pem(pem: &[u8]) -> Result<Self, SecurityError> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate =
                certificate.map_err(|error| invalid(format!("unreadable PEM: {error}")))?;
            store.add(certificate).map_err(|error| invalid(error.to_string()))?;
        }
        Self::not_empty(store)
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

    /// Trusts these authorities.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if there is none, or if one cannot be an authority.
    pub fn of<'a>(
        authorities: impl IntoIterator<Item = &'a Certificate>,
    ) -> Result<Self, SecurityError> {
        let mut store = RootCertStore::empty();
        for authority in authorities {
            store.add(authority.as_rustls().clone()).map_err(|error| invalid(error.to_string()))?;
        }
        Self::not_empty(store)
    }

    /// Trusts whomever either trusts.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut store = (*self.0).clone();
        for root in &other.0.roots {
            if !store.roots.contains(root) {
                store.roots.push(root.clone());
            }
        }
        Self(Arc::new(store))
    }

    fn not_empty(store: RootCertStore) -> Result<Self, SecurityError> {
        if store.is_empty() {
            return Err(invalid("no certificate in the PEM".to_owned()));
        }
        Ok(Self(Arc::new(store)))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        self.0.clone()
    }
}

impl PartialEq for Roots {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.0.roots, &other.0.roots);
        one.len() == other.len() && one.iter().all(|root| other.contains(root))
    }
}

impl Eq for Roots {}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roots").field("count", &self.count()).finish()
    }
}

fn invalid(reason: String) -> SecurityError {
    SecurityError::CertInvalid { reason: format!("trusted root: {reason}") }
}
