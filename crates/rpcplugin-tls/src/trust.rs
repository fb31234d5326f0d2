//! Whom one side accepts, and how that is checked.

use std::sync::Arc;

use rpcplugin_core::SecurityError;
use rustls::{
    CertificateError,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};

use crate::{
    Certificate, Crls, Roots, San,
    custom::Trust,
    failure::shown,
    pin::{PinnedPeer, Seen},
};

mod named;

use self::named::Named;

/// Which peers a client accepts.
#[derive(Clone, Debug)]
pub(crate) enum TrustedServer {
    /// The holder of exactly this certificate.
    Pinned(Certificate),
    /// Whoever the operator's roots stand for.
    Custom(Arc<WebPkiServerVerifier>, Option<Arc<[San]>>),
}

/// Which peers a server accepts.
#[derive(Clone, Debug)]
pub(crate) enum TrustedClient {
    Pinned(Certificate),
    Custom(Arc<dyn ClientCertVerifier>, Option<Arc<[San]>>),
}

impl TrustedServer {
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if the roots can verify nobody.
    pub(crate) fn under(
        trust: &Trust,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, SecurityError> {
        let verifier = of_servers(&trust.roots, trust.crls.as_ref(), provider)?;
        Ok(Self::Custom(verifier, trust.names.clone()))
    }

    /// The check of one handshake.
    pub(crate) fn verifier(
        &self,
        provider: &CryptoProvider,
        seen: &Arc<Seen>,
    ) -> Arc<dyn ServerCertVerifier> {
        match self {
            Self::Pinned(expected) => Arc::new(PinnedPeer::new(
                expected.clone(),
                provider.signature_verification_algorithms,
                seen.clone(),
            )),
            Self::Custom(verifier, None) => verifier.clone(),
            Self::Custom(verifier, Some(names)) => {
                Arc::new(Named::new(verifier.clone(), names.clone(), seen.clone()))
            }
        }
    }

    pub(crate) fn pinned(&self) -> Option<&Certificate> {
        match self {
            Self::Pinned(certificate) => Some(certificate),
            Self::Custom(..) => None,
        }
    }
}

impl TrustedClient {
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if the roots can verify nobody.
    pub(crate) fn under(
        trust: &Trust,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, SecurityError> {
        let verifier = of_clients(&trust.roots, trust.crls.as_ref(), provider)?;
        Ok(Self::Custom(verifier, trust.names.clone()))
    }

    /// The check of one handshake.
    pub(crate) fn verifier(
        &self,
        provider: &CryptoProvider,
        seen: &Arc<Seen>,
    ) -> Arc<dyn ClientCertVerifier> {
        match self {
            Self::Pinned(expected) => Arc::new(PinnedPeer::new(
                expected.clone(),
                provider.signature_verification_algorithms,
                seen.clone(),
            )),
            Self::Custom(verifier, None) => verifier.clone(),
            Self::Custom(verifier, Some(names)) => {
                Arc::new(Named::new(verifier.clone(), names.clone(), seen.clone()))
            }
        }
    }

    pub(crate) fn pinned(&self) -> Option<&Certificate> {
        match self {
            Self::Pinned(certificate) => Some(certificate),
            Self::Custom(..) => None,
        }
    }
}

/// What it means to a client that the server's certificate failed an ordinary check.
pub(crate) fn untrusted(error: &CertificateError) -> SecurityError {
    // rustls calls itself "invalid peer certificate" first.
    let reason = shown(error);
    match error {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => SecurityError::CertExpired { reason },
        _ => SecurityError::CertUntrusted { reason },
    }
}

/// The ordinary check of servers' certificates.
///
/// # Errors
///
/// `SECURITY_CERT_INVALID` if the roots can verify nobody, or a revocation list is unreadable.
pub(crate) fn of_servers(
    roots: &Roots,
    crls: Option<&Crls>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, SecurityError> {
    let builder = WebPkiServerVerifier::builder_with_provider(roots.store(), provider);
    let builder = match crls {
        Some(crls) => builder.with_crls(crls.lists()).enforce_revocation_expiration(),
        None => builder,
    };
    builder.build().map_err(unusable)
}

/// The ordinary check of clients' certificates.
///
/// # Errors
///
/// As [`of_servers`].
pub(crate) fn of_clients(
    roots: &Roots,
    crls: Option<&Crls>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, SecurityError> {
    let builder = WebPkiClientVerifier::builder_with_provider(roots.store(), provider);
    let builder = match crls {
        Some(crls) => builder.with_crls(crls.lists()).enforce_revocation_expiration(),
        None => builder,
    };
    builder.build().map_err(unusable)
}

pub(crate) fn unusable(error: VerifierBuilderError) -> SecurityError {
    let what = match error {
        VerifierBuilderError::InvalidCrl(_) => "revocation list",
        _ => "trusted roots",
    };
    SecurityError::CertInvalid { reason: format!("{what}: {error}") }
}
