use std::{fmt, sync::Arc};

use rpcplugin_core::SecurityError;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;

use crate::{Certificate, Provider, certificate::to_pem, key::PrivateKey};

pub(crate) mod issue;
mod params;
mod stored;

pub use self::{
    params::{IdentityParams, San, Usage},
    stored::SecretPem,
};

/// A certificate and its private key: what one side of a connection proves to be.
///
/// The key lives in memory only, unless [`to_secret_pem`](Self::to_secret_pem) or
/// [`save`](Self::save) gives it away. Its encoded form is wiped when the last clone is dropped; what
/// ring holds while it makes the key, and to sign with it, is not, because ring does not wipe keys.
#[derive(Clone)]
pub struct Identity {
    certificate: Certificate,
    /// Of the authorities between it and a root, if any.
    intermediates: Arc<[CertificateDer<'static>]>,
    key: Arc<PrivateKey>,
    provider: Provider,
}

impl Identity {
    /// Makes a new key, and a certificate for it that it signs itself.
    ///
    /// # Errors
    ///
    /// `SECURITY_KEYGEN` if the provider could not make a key; `SECURITY_CERT_INVALID` if the
    /// parameters make no certificate: a key type that the provider lacks, a name that is not
    /// ASCII, dates beyond the year 9999.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_tls::{Identity, IdentityParams, KeyType, San};
    ///
    /// let identity = Identity::generate(
    ///     &IdentityParams::new()
    ///         .key_type(KeyType::P384)
    ///         .common_name("kv-plugin")
    ///         .names([San::Dns("localhost".into()), San::Ip([127, 0, 0, 1].into())]),
    /// )?;
    /// println!("{}", identity.certificate().fingerprint());
    /// # Ok::<(), rpcplugin_core::SecurityError>(())
    /// ```
    pub fn generate(params: &IdentityParams) -> Result<Self, SecurityError> {
        let provider = params.provider.clone();
        let key = PrivateKey::generate(params.key_type, &provider)?;
        let certificate = issue::self_signed(params, key.load(&provider)?)?;
        Ok(Self { certificate, intermediates: Arc::default(), key: Arc::new(key), provider })
    }

    /// A certificate that an authority issued, with what leads from it to a root.
    pub(crate) fn issued(
        certificate: Certificate,
        intermediates: Arc<[CertificateDer<'static>]>,
        key: PrivateKey,
        provider: Provider,
    ) -> Self {
        Self { certificate, intermediates, key: Arc::new(key), provider }
    }

    /// The certificate and those of its intermediate authorities, as PEM: all that is public.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        let mut text = self.certificate.to_pem();
        for certificate in self.intermediates.iter() {
            text.push_str(&to_pem("CERTIFICATE", certificate));
        }
        text
    }

    /// The certificate, which is public.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate and those of its intermediate authorities.
    pub(crate) fn chain(&self) -> Result<Vec<Certificate>, SecurityError> {
        let above = self.intermediates.iter().map(|above| Certificate::from_der(above));
        std::iter::once(Ok(self.certificate.clone())).chain(above).collect()
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Certificate and key as rustls wants them, checked to belong together.
    pub(crate) fn certified(&self) -> Result<Arc<CertifiedKey>, SecurityError> {
        let mut chain = vec![self.certificate.as_rustls().clone()];
        chain.extend(self.intermediates.iter().cloned());
        let certified = CertifiedKey::new(chain, self.key.load(&self.provider)?);
        certified.keys_match().map_err(|error| SecurityError::CertInvalid {
            reason: format!("it does not belong to its key: {error}"),
        })?;
        Ok(Arc::new(certified))
    }

    #[cfg(test)]
    pub(crate) fn key_bytes(&self) -> &[u8] {
        self.key.bytes()
    }

    #[cfg(test)]
    pub(crate) fn with_key_of(&self, other: &Self) -> Self {
        Self { key: other.key.clone(), ..self.clone() }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}
