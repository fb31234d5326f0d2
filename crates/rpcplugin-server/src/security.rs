use rpcplugin_broker::Protection;
use rpcplugin_core::{CertificateField, Error, SecurityError};

use crate::settings::Settings;

/// How a plugin's connections are secured: as its host chose.
#[derive(Debug)]
pub(crate) struct Security {
    /// Nobody but the host is let in, if the host brought a certificate.
    pub(crate) protection: Protection,
    #[cfg(feature = "tls")]
    certificate: Option<rpcplugin_tls::Certificate>,
    /// Whether the handshake line tells hosts of it.
    #[cfg(feature = "tls")]
    announced: bool,
}

impl Security {
    /// Follows the host, unless the operator supplied certificates: `client_cert` is what it set
    /// in `PLUGIN_CLIENT_CERT`.
    ///
    /// # Errors
    ///
    /// `SECURITY_CLIENT_CERT_INVALID` for anything but exactly one certificate,
    /// `SECURITY_TLS_NOT_BUILT` in a build without TLS, `SECURITY_TLS_REQUIRED` if there is none
    /// and the plugin insists, `SECURITY_KEYGEN` if no key could be made, `CONFIG_INVALID` for an
    /// impossible server name of the operator's.
    pub(crate) fn choose(
        client_cert: Option<&std::ffi::OsStr>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        #[cfg(feature = "tls")]
        if let Some(custom) = &settings.custom_tls {
            return Self::custom(custom, settings);
        }
        match client_cert {
            None if settings.require_tls => Err(SecurityError::TlsRequired.into()),
            None => Ok(Self {
                protection: Protection::Plaintext,
                #[cfg(feature = "tls")]
                certificate: None,
                #[cfg(feature = "tls")]
                announced: false,
            }),
            Some(pem) => Ok(Self::tls(pem, settings)?),
        }
    }

    #[cfg(feature = "tls")]
    fn tls(pem: &std::ffi::OsStr, settings: &Settings) -> Result<Self, SecurityError> {
        use rpcplugin_tls::{Certificate, Identity, IdentityParams};

        let host = Certificate::from_pem(pem.as_encoded_bytes()).map_err(|error| match error {
            SecurityError::CertInvalid { reason } => SecurityError::ClientCertInvalid { reason },
            other => other,
        })?;
        let params = IdentityParams::default()
            .key_type(settings.cert_key_type)
            .provider(settings.provider.clone());
        let identity = Identity::generate(&params)?;
        let protection = Protection::mutual(&identity, &host, settings.connection_timeout)?;
        Ok(Self::secured(protection, &identity, true))
    }

    /// The operator's certificates, which win over the host's.
    #[cfg(feature = "tls")]
    fn custom(custom: &rpcplugin_tls::CustomTls, settings: &Settings) -> Result<Self, Error> {
        let protection = Protection::custom(custom, settings.connection_timeout)?;
        // A host trusts its operator's roots, and one of another kind would take the certificate
        // for a pin.
        Ok(Self::secured(protection, &custom.identity(), false))
    }

    #[cfg(feature = "tls")]
    fn secured(
        protection: Protection,
        identity: &rpcplugin_tls::Identity,
        announced: bool,
    ) -> Self {
        let certificate = Some(identity.certificate().clone());
        Self { protection, certificate, announced }
    }

    #[cfg(not(feature = "tls"))]
    fn tls(_: &std::ffi::OsStr, _: &Settings) -> Result<Self, SecurityError> {
        Err(SecurityError::TlsNotBuilt)
    }

    /// Whether connections are secured.
    pub(crate) fn is_tls(&self) -> bool {
        !matches!(self.protection, Protection::Plaintext)
    }

    /// Field 6 of the handshake line.
    pub(crate) fn field(&self) -> CertificateField {
        #[cfg(feature = "tls")]
        if let Some(certificate) = self.certificate.as_ref().filter(|_| self.announced) {
            return CertificateField::from_der(certificate.der());
        }
        CertificateField::default()
    }

    /// The DER of the certificate that connections are secured with.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        #[cfg(feature = "tls")]
        return self.certificate.as_ref().map(|certificate| certificate.der().to_vec());
        #[cfg(not(feature = "tls"))]
        None
    }
}
