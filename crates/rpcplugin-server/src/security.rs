use std::fmt;

use rpcplugin_core::{CertificateField, SecurityError};

use crate::settings::Settings;

/// Whether a plugin's connections are secured: as its host chose.
pub(crate) enum Security {
    /// The host brought no certificate.
    Plaintext,
    /// The host brought one, and nobody else is let in; or the operator says who is.
    #[cfg(feature = "tls")]
    Tls(Tls),
}

/// What one start of the plugin shows and demands.
#[cfg(feature = "tls")]
pub(crate) struct Tls {
    pub(crate) acceptor: rpcplugin_tls::TlsAcceptor,
    certificate: rpcplugin_tls::Certificate,
    /// Whether the handshake line tells hosts of it.
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
    /// and the plugin insists, `SECURITY_KEYGEN` if no key could be made.
    pub(crate) fn choose(
        client_cert: Option<&std::ffi::OsStr>,
        settings: &Settings,
    ) -> Result<Self, SecurityError> {
        #[cfg(feature = "tls")]
        if let Some(custom) = &settings.custom_tls {
            return Self::custom(custom, settings);
        }
        match client_cert {
            None if settings.require_tls => Err(SecurityError::TlsRequired),
            None => Ok(Self::Plaintext),
            Some(pem) => Self::tls(pem, settings),
        }
    }

    #[cfg(feature = "tls")]
    fn tls(pem: &std::ffi::OsStr, settings: &Settings) -> Result<Self, SecurityError> {
        use rpcplugin_tls::{Certificate, Identity, IdentityParams, ServerTls, TlsAcceptor};

        let host = Certificate::from_pem(pem.as_encoded_bytes()).map_err(|error| match error {
            SecurityError::CertInvalid { reason } => SecurityError::ClientCertInvalid { reason },
            other => other,
        })?;
        let params = IdentityParams::default()
            .key_type(settings.cert_key_type)
            .provider(settings.provider.clone());
        let identity = Identity::generate(&params)?;
        let tls = ServerTls::pinned(&identity, &host)?;
        Ok(Self::Tls(Tls {
            acceptor: TlsAcceptor::new(tls).timeout(settings.connection_timeout),
            certificate: identity.certificate().clone(),
            announced: true,
        }))
    }

    /// The operator's certificates, which win over the host's.
    #[cfg(feature = "tls")]
    fn custom(
        custom: &rpcplugin_tls::CustomTls,
        settings: &Settings,
    ) -> Result<Self, SecurityError> {
        let tls = rpcplugin_tls::ServerTls::custom(custom)?;
        Ok(Self::Tls(Tls {
            acceptor: rpcplugin_tls::TlsAcceptor::new(tls).timeout(settings.connection_timeout),
            certificate: custom.identity().certificate().clone(),
            announced: false,
        }))
    }

    #[cfg(not(feature = "tls"))]
    fn tls(_: &std::ffi::OsStr, _: &Settings) -> Result<Self, SecurityError> {
        Err(SecurityError::TlsNotBuilt)
    }

    /// Whether connections are secured.
    pub(crate) fn is_tls(&self) -> bool {
        match self {
            Self::Plaintext => false,
            #[cfg(feature = "tls")]
            Self::Tls(_) => true,
        }
    }

    /// Field 6 of the handshake line.
    pub(crate) fn field(&self) -> CertificateField {
        match self {
            Self::Plaintext => CertificateField::default(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) if tls.announced => CertificateField::from_der(tls.certificate.der()),
            // A host trusts its operator's roots, and one of another kind would take it for a pin.
            #[cfg(feature = "tls")]
            Self::Tls(_) => CertificateField::default(),
        }
    }

    /// The DER of the certificate that connections are secured with.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        match self {
            Self::Plaintext => None,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Some(tls.certificate.der().to_vec()),
        }
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls() { "Tls" } else { "Plaintext" })
    }
}
