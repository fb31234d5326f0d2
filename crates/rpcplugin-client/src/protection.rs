//! What this host brings to a start, and what protects the connection that comes of it. The only
//! place that knows whether this build has TLS.

#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use rpcplugin_core::{CertificateField, SecurityError};

use crate::{Tls, settings::Settings};

/// This host's part of the protection, made before the process.
pub(crate) enum Secret {
    /// A one-time key and certificate.
    #[cfg(feature = "tls")]
    Identity(rpcplugin_tls::Identity),
    /// Plaintext was chosen.
    Nothing,
}

/// What the line says about the plugin's certificate, after the policy was applied.
#[derive(Debug)]
pub(crate) enum Announced {
    /// Exactly this certificate will be accepted.
    #[cfg(feature = "tls")]
    Certificate(rpcplugin_tls::Certificate),
    /// Neither side uses TLS.
    Nothing,
}

/// How a connection is protected.
#[derive(Clone, Debug)]
pub(crate) enum Protection {
    #[cfg(feature = "tls")]
    Mutual(Arc<Mutual>),
    Plaintext,
}

/// Mutual TLS between exactly two certificates.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(crate) struct Mutual {
    pub(crate) host: rpcplugin_tls::Certificate,
    pub(crate) peer: rpcplugin_tls::Certificate,
    pub(crate) layer: rpcplugin_tls::TlsLayer,
    /// The same for side channels, on which this host may also be the TLS server.
    sides: rpcplugin_broker::Protection,
}

impl Secret {
    /// # Errors
    ///
    /// `SECURITY_KEYGEN`; `SECURITY_TLS_NOT_BUILT`.
    pub(crate) fn make(settings: &Settings) -> Result<Self, SecurityError> {
        match settings.tls {
            #[cfg(feature = "tls")]
            Tls::Auto => {
                let params = rpcplugin_tls::IdentityParams::new()
                    .key_type(settings.cert_key_type)
                    .provider(settings.provider.clone());
                rpcplugin_tls::Identity::generate(&params).map(Self::Identity)
            }
            #[cfg(not(feature = "tls"))]
            Tls::Auto => Err(SecurityError::TlsNotBuilt),
            Tls::Plaintext => Ok(Self::Nothing),
        }
    }

    /// This host's certificate as it stands in `PLUGIN_CLIENT_CERT`.
    pub(crate) fn certificate(&self) -> Option<String> {
        match self {
            #[cfg(feature = "tls")]
            Self::Identity(identity) => Some(identity.certificate().to_pem()),
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
        handshake_limit: Duration,
    ) -> Result<Protection, SecurityError> {
        match (self, announced) {
            #[cfg(feature = "tls")]
            (Self::Identity(identity), Announced::Certificate(peer)) => {
                let tls = rpcplugin_tls::ClientTls::pinned(identity, &peer)?;
                let layer = rpcplugin_tls::TlsLayer::new(tls).timeout(handshake_limit);
                let host = identity.certificate().clone();
                let sides = rpcplugin_broker::Protection::mutual(identity, &peer, handshake_limit)?;
                Ok(Protection::Mutual(Arc::new(Mutual { host, peer, layer, sides })))
            }
            (Self::Nothing, Announced::Nothing) => {
                let _ = handshake_limit;
                Ok(Protection::Plaintext)
            }
            #[cfg(feature = "tls")]
            _ => Err(SecurityError::CertMissing),
        }
    }
}

impl Announced {
    /// Reads field 6 of the line as a host with this choice does.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_MISSING`, `SECURITY_CERT_INVALID`, `SECURITY_CERT_UNEXPECTED`.
    pub(crate) fn read(field: &CertificateField, tls: Tls) -> Result<Self, SecurityError> {
        match tls {
            #[cfg(feature = "tls")]
            Tls::Auto => rpcplugin_tls::Certificate::from_der(&field.der()?).map(Self::Certificate),
            #[cfg(not(feature = "tls"))]
            Tls::Auto => Err(SecurityError::TlsNotBuilt),
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
            Self::Plaintext => rpcplugin_broker::Protection::Plaintext,
        }
    }

    /// Whether the plugin never asked who this host is, though it could have.
    pub(crate) fn is_one_sided(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Self::Mutual(mutual) => {
                mutual.layer.info().is_some_and(|info| !info.client_certificate_requested)
            }
            Self::Plaintext => false,
        }
    }
}
