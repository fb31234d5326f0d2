use std::{fmt, sync::Arc};

use rpcplugin_core::SecurityError;
use rustls::{
    ClientConfig, ConfigBuilder, DEFAULT_VERSIONS, WantsVerifier, client::Resumption,
    sign::CertifiedKey,
};

use crate::{
    Certificate, Identity,
    pin::{PinnedPeer, Presenter, Seen},
};

/// The protocol that runs inside TLS, on both sides and nothing else beside it.
pub(crate) const ALPN: &[u8] = b"h2";

/// How a host speaks TLS with its plugin: TLS 1.2 or 1.3, ALPN `h2`, server name `localhost`,
/// no resumption, no early data.
#[derive(Clone)]
pub struct ClientTls {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    certified: Arc<CertifiedKey>,
    server: Certificate,
}

impl ClientTls {
    /// Presents `identity`, and accepts exactly the certificate `server` with proof of its key.
    ///
    /// The provider is the identity's.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if the identity's certificate and key do not belong together or
    /// its provider cannot use them.
    pub fn pinned(identity: &Identity, server: &Certificate) -> Result<Self, SecurityError> {
        let builder = ClientConfig::builder_with_provider(identity.provider().crypto())
            .with_protocol_versions(DEFAULT_VERSIONS)
            .map_err(|error| SecurityError::TlsHandshake { detail: error.to_string() })?;
        Ok(Self { builder, certified: identity.certified()?, server: server.clone() })
    }

    /// The certificate that the server must present.
    #[must_use]
    pub fn server_certificate(&self) -> &Certificate {
        &self.server
    }

    /// A configuration for one handshake, so that what its verifier saw belongs to it alone.
    pub(crate) fn config(&self, seen: &Arc<Seen>) -> Arc<ClientConfig> {
        let algorithms = self.builder.crypto_provider().signature_verification_algorithms;
        let verifier = PinnedPeer::new(self.server.clone(), algorithms, seen.clone());
        let presenter = Presenter::new(self.certified.clone(), seen.clone());
        let mut config = self
            .builder
            .clone()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(presenter));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("server", &self.server).finish_non_exhaustive()
    }
}
