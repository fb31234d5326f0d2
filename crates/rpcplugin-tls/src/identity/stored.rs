//! Identities that exist already, and the way of one from a process to another.

use std::{fmt, path::Path};

use rpcplugin_core::SecurityError;
use rustls_pki_types::{CertificateDer, pem, pem::PemObject as _};
use zeroize::Zeroizing;

use super::Identity;
use crate::{
    Certificate, PemSource, Provider,
    files::{self, Secrecy},
    key::{PrivateKey, unreadable},
};

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
        Self::from_pem_with(certificates, key, Provider::default())
    }

    /// The same for another provider, which may know keys that ring does not.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub(crate) fn from_pem_with(
        certificates: &[u8],
        key: &[u8],
        provider: Provider,
    ) -> Result<Self, SecurityError> {
        let mut chain = CertificateDer::pem_slice_iter(certificates);
        let leaf = match chain.next() {
            Some(Ok(leaf)) => Certificate::from_der(&leaf)?,
            Some(Err(error)) => return Err(unreadable("certificate", &error)),
            None => return Err(unreadable("certificate", &pem::Error::NoItemsFound)),
        };
        let intermediates = chain
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable("certificate", &error))?;
        let key = PrivateKey::from_pem(key)?;
        let identity = Self {
            certificate: leaf,
            intermediates: intermediates.into(),
            key: key.into(),
            provider,
        };
        identity.certified()?;
        Ok(identity)
    }

    /// Reads certificates and key from files, or from text. **Blocks** on the files.
    ///
    /// A certificate that has expired is loaded all the same: [`CertInfo`](crate::CertInfo) tells
    /// how long it lasts.
    ///
    /// # Errors
    ///
    /// `SECURITY_FILE_PERMISSIONS` if others can read the key's file; `SECURITY_CERT_INVALID` if
    /// one cannot be read, and as [`from_pem`](Self::from_pem).
    pub fn load(
        certificates: impl Into<PemSource>,
        key: impl Into<PemSource>,
    ) -> Result<Self, SecurityError> {
        let (certificates, key) = (certificates.into(), key.into());
        let chain = certificates.read(Secrecy::Public)?;
        let secret = key.read(Secrecy::Secret)?;
        Self::from_pem(&chain, &secret).map_err(|error| certificates.blame(error))
    }

    /// Writes certificates and key to two files, each replaced in one step: the certificates
    /// with mode 0644, the key with mode 0600. Directories that are missing are made with mode
    /// 0700. **Blocks** on the files.
    ///
    /// The key is replaced first. Who reads between the two steps finds no pair, and is told so:
    /// reading again helps, and [`CertManager`](crate::CertManager) does.
    ///
    /// # Errors
    ///
    /// `SECURITY_FILE_PERMISSIONS` if others can write to the key's directory;
    /// `SECURITY_CERT_INVALID` if a file cannot be written.
    pub fn save(
        &self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<(), SecurityError> {
        files::replace_pair(
            (key.as_ref(), self.key.to_pem().as_bytes()),
            (certificates.as_ref(), self.chain_pem().as_bytes()),
        )
    }

    /// Certificates and key as PEM, for [`from_pem`](Self::from_pem) in another process.
    ///
    /// It **is** the secret: whoever has it is this side of the connection. It belongs into a
    /// pipe, or a file that only this user reads; never into an argument or the environment.
    #[must_use]
    pub fn to_secret_pem(&self) -> SecretPem {
        let text = self.chain_pem();
        let key = self.key.to_pem();
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
