use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rpcplugin_core::SecurityError;
use rustls_pki_types::{
    CertificateDer,
    pem::{self, PemObject as _},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{PemSource, files::Secrecy, key::unreadable};

mod check;

/// One X.509 certificate with a key that every provider here can verify.
///
/// P-256, P-384, P-521, Ed25519, or RSA of 2048 to 8192 bits; authority or not. Dates and names
/// are not looked at: between host and plugin the exact certificate is pinned.
///
/// # Example
///
/// ```
/// use rpcplugin_tls::{Certificate, Identity, IdentityParams};
///
/// let identity = Identity::generate(&IdentityParams::default())?;
/// let pem = identity.certificate().to_pem();
/// assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
/// assert_eq!(&Certificate::from_pem(pem.as_bytes())?, identity.certificate());
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Certificate {
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Reads PEM that holds exactly one block, a certificate. Text around it is ignored.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if there is no block or more than one, if it is no certificate,
    /// or if its key cannot be used.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SecurityError> {
        const BEGIN: &[u8] = b"-----BEGIN ";
        match pem.windows(BEGIN.len()).filter(|window| *window == BEGIN).count() {
            0 => return Err(invalid("no PEM block")),
            1 => {}
            n => return Err(invalid(format!("{n} PEM blocks, one certificate is expected"))),
        }
        let der = CertificateDer::from_pem_slice(pem).map_err(|error| {
            invalid(match error {
                pem::Error::NoItemsFound => "the PEM block is not a certificate",
                pem::Error::MissingSectionEnd { .. } => "the PEM block has no end",
                pem::Error::Base64Decode(_) => "the PEM block is not base64",
                _ => "the PEM block is unreadable",
            })
        })?;
        Self::from_der(&der)
    }

    /// Reads PEM that holds a certificate and, after it, those of the authorities above it. Text
    /// around them, and keys among them, are ignored.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if there is none, or if one cannot be used.
    pub fn chain_from_pem(pem: &[u8]) -> Result<Vec<Self>, SecurityError> {
        let mut chain = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| unreadable("certificate", &error))?;
            chain.push(Self::from_der(&certificate)?);
        }
        if chain.is_empty() {
            return Err(unreadable("certificate", &pem::Error::NoItemsFound));
        }
        Ok(chain)
    }

    /// Reads the same from a file, or from text. **Blocks** on the file.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if it cannot be read, and as
    /// [`chain_from_pem`](Self::chain_from_pem).
    pub fn load_chain(source: impl Into<PemSource>) -> Result<Vec<Self>, SecurityError> {
        let source = source.into();
        let pem = source.read(Secrecy::Public)?;
        Self::chain_from_pem(&pem).map_err(|error| source.blame(error))
    }

    /// Reads DER that holds exactly one certificate and nothing behind it.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if it is anything else, or if its key cannot be used.
    pub fn from_der(der: &[u8]) -> Result<Self, SecurityError> {
        check::usable(der).map_err(invalid)?;
        Ok(Self { der: der.to_vec().into() })
    }

    /// The certificate's bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as PEM, in lines of 64 characters.
    #[must_use]
    pub fn to_pem(&self) -> String {
        to_pem("CERTIFICATE", &self.der)
    }

    /// SHA-256 over the whole certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    pub(crate) fn as_rustls(&self) -> &CertificateDer<'static> {
        &self.der
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.fingerprint()).finish()
    }
}

/// One PEM block, in lines of 64 characters.
pub(crate) fn to_pem(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut pem = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 64);
    pem.push_str("-----BEGIN ");
    pem.push_str(label);
    pem.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so every index is a character's boundary.
        let (line, tail) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = tail;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

/// SHA-256 of a certificate; shown as lower-case hexadecimal.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// The digest itself.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn invalid(reason: impl Into<String>) -> SecurityError {
    SecurityError::CertInvalid { reason: reason.into() }
}
