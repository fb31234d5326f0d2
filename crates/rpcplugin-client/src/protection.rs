//! What this host brings to a start, and what protects the connection that comes of it. The only
//! place that knows whether this build has TLS.

#[cfg(feature = "tls")]
use std::sync::Arc;

use rpcplugin_core::{CertificateField, Error, SecurityError};

use crate::{Tls, settings::Settings};

/// This host's part of the protection, made before the process.
pub(crate) enum Secret {
    /// A one-time key and certificate.
    #[cfg(feature = "tls")]
    Identity(rpcplugin_tls::Identity),
    /// What the operator supplied.
    #[cfg(feature = "tls")]
    Custom(rpcplugin_tls::CustomTls, rpcplugin_tls::ClientTls),
    /// Plaintext was chosen.
    Nothing,
}

/// What the line says about the plugin's certificate, after the policy was applied.
#[derive(Debug)]
pub(crate) enum Announced {
    /// Exactly this certificate will be accepted.
    #[cfg(feature = "tls")]
    Certificate(rpcplugin_tls::Certificate),
    /// The operator's roots decide, whatever it says.
    #[cfg(feature = "tls")]
    Custom,
    /// Neither side uses TLS.
    Nothing,
}

/// How a connection is protected.
#[derive(Clone, Debug)]
pub(crate) enum Protection {
    #[cfg(feature = "tls")]
    Mutual(Arc<Mutual>),
    #[cfg(feature = "tls")]
    Custom(Arc<Custom>),
    Plaintext,
}

/// Mutual TLS between exactly two certificates.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(crate) struct Mutual {
    pub(crate) host: rpcplugin_tls::Identity,
    pub(crate) peer: rpcplugin_tls::Certificate,
    pub(crate) layer: rpcplugin_tls::TlsLayer,
    /// The same for side channels, on which this host may also be the TLS server.
    sides: rpcplugin_broker::Protection,
}

/// Mutual TLS under an operator's roots.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(crate) struct Custom {
    pub(crate) custom: rpcplugin_tls::CustomTls,
    /// What this host showed when it first connected.
    pub(crate) host: rpcplugin_tls::Identity,
    pub(crate) layer: rpcplugin_tls::TlsLayer,
    sides: rpcplugin_broker::Protection,
}

impl Secret {
    /// # Errors
    ///
    /// `SECURITY_KEYGEN`; `SECURITY_TLS_NOT_BUILT`; `CONFIG_INVALID` and `SECURITY_CERT_INVALID`
    /// for what the operator supplied.
    pub(crate) fn make(settings: &Settings) -> Result<Self, Error> {
        match &settings.tls {
            #[cfg(feature = "tls")]
            Tls::Auto => {
                let params = rpcplugin_tls::IdentityParams::new()
                    .key_type(settings.cert_key_type)
                    .provider(settings.options.provider.clone());
                Ok(Self::Identity(rpcplugin_tls::Identity::generate(&params)?))
            }
            #[cfg(feature = "tls")]
            Tls::Custom(custom) => {
                let tls = rpcplugin_tls::ClientTls::custom(custom)?;
                Ok(Self::Custom(custom.clone(), tls))
            }
            #[cfg(not(feature = "tls"))]
            Tls::Auto => Err(SecurityError::TlsNotBuilt.into()),
            Tls::Plaintext => Ok(Self::Nothing),
        }
    }

    /// What it takes to reattach to the plugin of a record with this certificate.
    ///
    /// # Errors
    ///
    /// `SECURITY_REATTACH_NEEDS_TLS` if either half of a pinned connection is missing, and as
    /// [`make`](Self::make) and [`Announced::read`].
    pub(crate) fn for_record(
        settings: &Settings,
        certificate: &CertificateField,
    ) -> Result<(Self, Announced), Error> {
        #[cfg(feature = "tls")]
        if settings.tls == Tls::Auto {
            let needs = |missing| SecurityError::ReattachNeedsTls { missing };
            if !certificate.is_announced() {
                return Err(needs("the record holds no certificate of the plugin").into());
            }
            let identity = settings.options.host_identity.clone();
            let identity = identity.ok_or_else(|| needs("this host was given no identity"))?;
            return Ok((Self::Identity(identity), Announced::read(certificate, &settings.tls)?));
        }
        Ok((Self::make(settings)?, Announced::read(certificate, &settings.tls)?))
    }

    /// What it takes to connect to a plugin that this host knows nothing of.
    ///
    /// # Errors
    ///
    /// `SECURITY_TLS_REQUIRED` unless certificates were supplied, or plaintext was chosen and the
    /// plugin is within this machine; and as [`make`](Self::make).
    pub(crate) fn for_stranger(
        settings: &Settings,
        is_local: bool,
    ) -> Result<(Self, Announced), Error> {
        match settings.tls {
            #[cfg(feature = "tls")]
            Tls::Custom(_) => Ok((Self::make(settings)?, Announced::Custom)),
            Tls::Plaintext if is_local => Ok((Self::Nothing, Announced::Nothing)),
            _ => Err(SecurityError::TlsRequired.into()),
        }
    }

    /// This host's certificate as it stands in `PLUGIN_CLIENT_CERT`.
    pub(crate) fn certificate(&self) -> Option<String> {
        match self {
            #[cfg(feature = "tls")]
            Self::Identity(identity) => Some(identity.certificate().to_pem()),
            #[cfg(feature = "tls")]
            Self::Custom(..) => None,
            Self::Nothing => None,
        }
    }

    /// The protection with a plugin that announced itself so.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID`; `SECURITY_CERT_MISSING` if only one side brought something, which
    /// [`Announced::read`] has refused already.
    pub(crate) fn protect(
        &self,
        announced: Announced,
        settings: &Settings,
    ) -> Result<Protection, Error> {
        let handshake_limit = settings.config.connection_timeout();
        match (self, announced) {
            #[cfg(feature = "tls")]
            (Self::Identity(identity), Announced::Certificate(peer)) => {
                let oldest = settings.config.tls_min_version().into();
                let tls = rpcplugin_tls::ClientTls::pinned(identity, &peer)?.min_version(oldest)?;
                let layer = rpcplugin_tls::TlsLayer::new(tls).timeout(handshake_limit);
                let host = identity.clone();
                let sides =
                    rpcplugin_broker::Protection::mutual(identity, &peer, oldest, handshake_limit)?;
                Ok(Protection::Mutual(Arc::new(Mutual { host, peer, layer, sides })))
            }
            #[cfg(feature = "tls")]
            (Self::Custom(custom, tls), Announced::Custom) => {
                let layer = rpcplugin_tls::TlsLayer::new(tls.clone()).timeout(handshake_limit);
                let sides = rpcplugin_broker::Protection::custom(custom, handshake_limit)?;
                let (custom, host) = (custom.clone(), custom.identity());
                Ok(Protection::Custom(Arc::new(Custom { custom, host, layer, sides })))
            }
            (Self::Nothing, Announced::Nothing) => {
                let _ = handshake_limit;
                Ok(Protection::Plaintext)
            }
            #[cfg(feature = "tls")]
            _ => Err(SecurityError::CertMissing.into()),
        }
    }
}

impl Announced {
    /// Reads field 6 of the line as a host with this choice does.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_MISSING`, `SECURITY_CERT_INVALID`, `SECURITY_CERT_UNEXPECTED`.
    pub(crate) fn read(field: &CertificateField, tls: &Tls) -> Result<Self, SecurityError> {
        match tls {
            #[cfg(feature = "tls")]
            Tls::Auto => rpcplugin_tls::Certificate::from_der(&field.der()?).map(Self::Certificate),
            #[cfg(not(feature = "tls"))]
            Tls::Auto => Err(SecurityError::TlsNotBuilt),
            #[cfg(feature = "tls")]
            Tls::Custom(_) => {
                if field.is_announced() {
                    tracing::warn!(
                        "the plugin announced a certificate; the operator's roots decide"
                    );
                }
                Ok(Self::Custom)
            }
            // Up to 50 characters are filler of old plugins.
            Tls::Plaintext if field.is_announced() => Err(SecurityError::CertUnexpected),
            Tls::Plaintext => Ok(Self::Nothing),
        }
    }
}

impl Protection {
    /// How side channels are protected: as this connection.
    pub(crate) fn of_sides(&self) -> rpcplugin_broker::Protection {
        match self {
            #[cfg(feature = "tls")]
            Self::Mutual(mutual) => mutual.sides.clone(),
            #[cfg(feature = "tls")]
            Self::Custom(custom) => custom.sides.clone(),
            Self::Plaintext => rpcplugin_broker::Protection::Plaintext,
        }
    }

    /// What secures connections; `None` in plaintext.
    #[cfg(feature = "tls")]
    pub(crate) fn layer(&self) -> Option<&rpcplugin_tls::TlsLayer> {
        match self {
            Self::Mutual(mutual) => Some(&mutual.layer),
            Self::Custom(custom) => Some(&custom.layer),
            Self::Plaintext => None,
        }
    }

    /// What this host shows; `None` in plaintext.
    #[cfg(feature = "tls")]
    pub(crate) fn identity(&self) -> Option<&rpcplugin_tls::Identity> {
        match self {
            Self::Mutual(mutual) => Some(&mutual.host),
            Self::Custom(custom) => Some(&custom.host),
            Self::Plaintext => None,
        }
    }

    /// The certificate that the plugin announced, if that is what it must show.
    pub(crate) fn announced(&self) -> CertificateField {
        match self {
            #[cfg(feature = "tls")]
            Self::Mutual(mutual) => CertificateField::from_der(mutual.peer.der()),
            _ => CertificateField::default(),
        }
    }

    /// Whether the plugin never asked who this host is, though it could have.
    pub(crate) fn is_one_sided(&self) -> bool {
        #[cfg(feature = "tls")]
        if let Some(layer) = self.layer() {
            return layer.info().is_some_and(|info| !info.client_certificate_requested);
        }
        false
    }
}
