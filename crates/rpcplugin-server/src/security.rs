//! How a plugin's connections are secured: as its operator says, else as its host chose.

use rpcplugin_broker::Protection;
use rpcplugin_core::{CertificateField, Error, SecurityError, config::Setting};

use crate::settings::Settings;

#[cfg(feature = "tls")]
mod custom;
mod live;

pub(crate) use self::live::LiveProtection;

/// What was chosen for one start.
#[derive(Debug)]
pub(crate) struct Security {
    /// Nobody but the host is let in, if the host brought a certificate.
    pub(crate) protection: LiveProtection,
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
    /// and the plugin insists, or if one-time certificates are off and the plugin has no other, `SECURITY_CONFIG_CONFLICT` if the host brought one and the settings
    /// say plaintext, `SECURITY_KEYGEN` if no key could be made; of the operator's certificates
    /// `CONFIG_CONFLICT`, `SECURITY_CERT_INVALID` and `CONFIG_INVALID` for an impossible name.
    pub(crate) fn choose(
        client_cert: Option<&std::ffi::OsStr>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        #[cfg(feature = "tls")]
        if let Some(custom) = custom::choose(settings)? {
            return Self::custom(&custom, settings);
        }
        #[cfg(not(feature = "tls"))]
        if certificates(settings).next().is_some() {
            return Err(SecurityError::TlsNotBuilt.into());
        }
        // The configuration is content with either side's identity, and this side has none.
        if !settings.config.auto_mtls() && !settings.config.insecure() {
            return Err(SecurityError::TlsRequired.into());
        }
        match client_cert {
            Some(_) if settings.config.insecure() => Err(SecurityError::ConfigConflict {
                weak: shown(settings, Setting::Insecure),
                demand: "the host's certificate (PLUGIN_CLIENT_CERT)".to_owned(),
            }
            .into()),
            Some(pem) => Ok(Self::tls(pem, settings)?),
            None if settings.config.server_require_tls() => Err(SecurityError::TlsRequired.into()),
            None => Ok(Self {
                protection: LiveProtection::fixed(Protection::Plaintext),
                #[cfg(feature = "tls")]
                certificate: None,
                #[cfg(feature = "tls")]
                announced: false,
            }),
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
            .key_type(settings.key_type())
            .provider(settings.options.provider.clone());
        let identity = Identity::generate(&params)?;
        let config = &settings.config;
        let oldest = config.tls_min_version().into();
        let protection = Protection::mutual(&identity, &host, oldest, config.connection_timeout())?;
        Ok(Self {
            protection: LiveProtection::fixed(protection),
            certificate: Some(identity.certificate().clone()),
            announced: true,
        })
    }

    #[cfg(not(feature = "tls"))]
    fn tls(_: &std::ffi::OsStr, _: &Settings) -> Result<Self, SecurityError> {
        Err(SecurityError::TlsNotBuilt)
    }

    /// The operator's certificates, which win over the host's.
    #[cfg(feature = "tls")]
    fn custom(custom: &rpcplugin_tls::CustomTls, settings: &Settings) -> Result<Self, Error> {
        let protection = custom::protection(custom, settings)?;
        let protection = if settings.options.custom_tls.is_some() {
            LiveProtection::fixed(protection)
        } else {
            LiveProtection::of_settings(protection)
        };
        let certificate = Some(custom.identity().certificate().clone());
        // A host trusts its operator's roots, and one of another kind would take the certificate
        // for a pin.
        Ok(Self { protection, certificate, announced: false })
    }

    /// Whether connections are secured.
    pub(crate) fn is_tls(&self) -> bool {
        !matches!(self.protection.present(), Protection::Plaintext)
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

/// Those settings of the plugin's that bring certificates, as far as they are set.
fn certificates(settings: &Settings) -> impl Iterator<Item = Setting> + '_ {
    const ALL: [Setting; 5] = [
        Setting::ServerCert,
        Setting::ServerKey,
        Setting::ClientRootCerts,
        Setting::CaCert,
        Setting::MtlsCertDir,
    ];
    ALL.into_iter().filter(|one| settings.config.value(*one).is_some())
}

/// A setting for an error: which, and by whom.
fn shown(settings: &Settings, setting: Setting) -> String {
    format!("{setting} ({})", settings.config.entry(setting).source)
}
