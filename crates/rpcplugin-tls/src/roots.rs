use std::{fmt, sync::Arc, time::SystemTime};

use rpcplugin_core::SecurityError;
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::{CertInfo, Certificate, PemSource, files::Secrecy, x509};

/// The authorities that an operator trusts: under [`CustomTls`](crate::CustomTls) a peer's chain
/// must end in one of them. Clones share them.
///
/// Each must say that it is an authority, and may sign certificates. A certificate that signed
/// itself is taken without saying so, for peers that have no authority; whoever has its key can
/// then stand for any name, not for itself alone. Those that have expired are left out, with a
/// warning in the log; the dates are looked at here, and not again for each peer.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

impl Roots {
    /// Reads PEM that holds certificates of authorities, one at least. Text around them is ignored.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if there is none, if one cannot be an authority, or if all have
    /// expired.
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
        let unreadable = |error| invalid(format!("unreadable PEM: {error}"));
        Self::collect(
            CertificateDer::pem_slice_iter(pem).map(|certificate| certificate.map_err(unreadable)),
        )
    }

    /// Reads PEM from a file, or from text. **Blocks** on the file.
    ///
    /// # Errors
    ///
    /// `SECURITY_FILE_PERMISSIONS` if everybody can write to the file; `SECURITY_CERT_INVALID` if
    /// it cannot be read, and as [`from_pem`](Self::from_pem).
    pub fn load(source: impl Into<PemSource>) -> Result<Self, SecurityError> {
        let source = source.into();
        let pem = source.read(Secrecy::Trusted)?;
        Self::from_pem(&pem).map_err(|error| source.blame(error))
    }

    /// Trusts these authorities.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn of<'a>(
        authorities: impl IntoIterator<Item = &'a Certificate>,
    ) -> Result<Self, SecurityError> {
        Self::collect(authorities.into_iter().map(|authority| Ok(authority.as_rustls().clone())))
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

    fn collect(
        certificates: impl Iterator<Item = Result<CertificateDer<'static>, SecurityError>>,
    ) -> Result<Self, SecurityError> {
        let now = SystemTime::now();
        let mut store = RootCertStore::empty();
        let mut expired = 0;
        for certificate in certificates {
            let certificate = certificate?;
            // webpki looks at name and key alone.
            stands_at_the_top(&certificate)?;
            let info = CertInfo::from_der(&certificate)?;
            if info.time_left(now).is_none() {
                tracing::warn!(
                    subject = info.subject,
                    "a trusted root has expired, and is left out"
                );
                expired += 1;
                continue;
            }
            store.add(certificate).map_err(|error| invalid(error.to_string()))?;
        }
        match (store.is_empty(), expired) {
            (false, _) => Ok(Self(Arc::new(store))),
            (true, 0) => Err(invalid("no certificate in the PEM".to_owned())),
            (true, _) => Err(invalid("it has expired, and there is no other".to_owned())),
        }
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

/// Whether a certificate is an authority's, or nobody's but its own.
fn stands_at_the_top(certificate: &CertificateDer<'_>) -> Result<(), SecurityError> {
    let parsed = x509::parse(certificate)
        .ok_or_else(|| invalid("not an X.509 certificate in DER".to_owned()))?;
    match x509::may_issue(&parsed) {
        // One that says that it is an authority, and of what kind, is taken at its word.
        Err(_) if !parsed.is_ca() && x509::is_issued_by(&parsed, &parsed) => Ok(()),
        judged => judged.map_err(|reason| invalid(reason.to_owned())),
    }
}

fn invalid(reason: String) -> SecurityError {
    SecurityError::CertInvalid { reason: format!("trusted root: {reason}") }
}
