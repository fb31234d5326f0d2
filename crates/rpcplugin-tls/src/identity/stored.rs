//! Identities that exist already, and the way of one from a process to another.

use std::fmt;

use rpcplugin_core::SecurityError;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _};
use zeroize::Zeroizing;

use super::Identity;
use crate::{Certificate, Provider, certificate::to_pem, key::PrivateKey};

impl Identity {
    /// Reads a certificate, those of its intermediate authorities after it, and its key. Both
    /// may be the same text, as [`to_secret_pem`](Self::to_secret_pem) writes it. The key may
    /// have any of the three forms: PKCS#8, SEC 1, PKCS#1.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if either is missing or unreadable, if ring cannot sign with the
    /// key, or if the two do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, SecurityError> {
        let provider = Provider::default();
        let mut chain = CertificateDer::pem_slice_iter(certificates);
        let leaf = match chain.next() {
            Some(Ok(leaf)) => Certificate::from_der(&leaf)?,
            Some(Err(error)) => return Err(unreadable("certificate", &error)),
            None => return Err(unreadable("certificate", &pem::Error::NoItemsFound)),
        };
        let intermediates = chain
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable("certificate", &error))?;
        let key = PrivateKeyDer::from_pem_slice(key).map(Zeroizing::new);
        let key = PrivateKey::stored(&key.map_err(|error| unreadable("key", &error))?);
        let identity = Self {
            certificate: leaf,
            intermediates: intermediates.into(),
            key: key.into(),
            provider,
        };
        identity.certified()?;
        Ok(identity)
    }

    /// Certificates and key as PEM, for [`from_pem`](Self::from_pem) in another process.
    ///
    /// It **is** the secret: whoever has it is this side of the connection. It belongs into a
    /// pipe, or a file that only this user reads; never into an argument or the environment.
    #[must_use]
    pub fn to_secret_pem(&self) -> SecretPem {
        let mut text = Zeroizing::new(self.certificate.to_pem());
        for certificate in self.intermediates.iter() {
            text.push_str(&to_pem("CERTIFICATE", certificate));
        }
        let key = Zeroizing::new(to_pem(self.key.label(), self.key.bytes()));
        // Into a buffer that does not move any more: what moves leaves a copy.
        let mut whole = Zeroizing::new(String::with_capacity(text.len() + key.len()));
        whole.push_str(&text);
        whole.push_str(&key);
        SecretPem(whole)
    }
}

/// An [`Identity`] with its key, as text; wiped when dropped.
///
/// # Example
///
/// ```
/// use rpcplugin_tls::{Identity, IdentityParams};
///
/// let identity = Identity::generate(&IdentityParams::default())?;
/// let pem = identity.to_secret_pem();
/// assert_eq!(format!("{pem:?}"), "SecretPem(..)");
///
/// let text = pem.expose().as_bytes();
/// let again = Identity::from_pem(text, text)?;
/// assert_eq!(again.certificate(), identity.certificate());
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
pub struct SecretPem(Zeroizing<String>);

impl SecretPem {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretPem(..)")
    }
}

/// Never shows the text: a key may stand in it.
fn unreadable(what: &str, error: &pem::Error) -> SecurityError {
    let reason = match error {
        pem::Error::NoItemsFound => format!("no {what} in the PEM"),
        _ => format!("the {what} is no readable PEM"),
    };
    SecurityError::CertInvalid { reason }
}
