use std::{fmt, sync::Arc};

use rpcplugin_core::SecurityError;
use rustls::{
    ConfigBuilder, ServerConfig, WantsVerifier,
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::{
    Certificate, CustomTls, Identity, TlsVersion, client::ALPN, custom::Snapshot, latest::Source,
    pin::Seen, trust::TrustedClient,
};

/// How a plugin speaks TLS with its host: TLS 1.2 or 1.3, ALPN `h2`, a client certificate
/// required, no resumption, no early data.
#[derive(Clone)]
pub struct ServerTls {
    source: Source<Material>,
}

/// What one handshake after another is made of.
#[derive(Clone)]
struct Material {
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    certified: Arc<CertifiedKey>,
    client: TrustedClient,
}

impl Material {
    fn new(
        identity: &Identity,
        client: TrustedClient,
        oldest: TlsVersion,
    ) -> Result<Self, SecurityError> {
        let builder = ServerConfig::builder_with_provider(identity.provider().crypto())
            .with_protocol_versions(oldest.and_newer())
            .map_err(|error| SecurityError::TlsHandshake { detail: error.to_string() })?;
        Ok(Self { builder, certified: identity.certified()?, client })
    }

    fn under(custom: &CustomTls, now: &Snapshot) -> Result<Self, SecurityError> {
        let provider = now.identity.provider().crypto();
        let trusted = TrustedClient::under(&now.trust, provider)?;
        Self::new(&now.identity, trusted, custom.oldest())
    }
}

impl ServerTls {
    /// Presents `identity`, and accepts exactly the certificate `client` with proof of its key.
    ///
    /// The provider is the identity's.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if the identity's certificate and key do not belong together or
    /// its provider cannot use them.
    pub fn pinned(identity: &Identity, client: &Certificate) -> Result<Self, SecurityError> {
        let client = TrustedClient::Pinned(client.clone());
        let material = Material::new(identity, client, TlsVersion::default())?;
        Ok(Self { source: Source::fixed(material) })
    }

    /// Presents the operator's identity, and accepts whoever the operator's roots stand for.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` as for [`pinned`](Self::pinned).
    pub fn custom(custom: &CustomTls) -> Result<Self, SecurityError> {
        Ok(Self { source: Source::of(custom, Material::under)? })
    }

    /// The oldest TLS that is spoken: 1.2, or under [`CustomTls`] what
    /// [`CustomTls::min_version`] says, which this raises and never lowers.
    ///
    /// # Errors
    ///
    /// `SECURITY_TLS_HANDSHAKE` if the provider has nothing that new.
    pub fn min_version(mut self, version: TlsVersion) -> Result<Self, SecurityError> {
        let given = |material: &Material| {
            let provider = material.builder.crypto_provider().clone();
            let builder = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(version.and_newer())
                .map_err(|error| SecurityError::TlsHandshake { detail: error.to_string() })?;
            Ok(Material { builder, ..material.clone() })
        };
        self.source = self.source.change(given, |custom| custom.at_least(version))?;
        Ok(self)
    }

    /// The one certificate that a client must present; `None` if roots decide.
    #[must_use]
    pub fn client_certificate(&self) -> Option<&Certificate> {
        self.source.pinned(|material| material.client.pinned())
    }

    /// A configuration for one handshake, so that what its verifier saw belongs to it alone.
    pub(crate) fn config(&self, seen: &Arc<Seen>) -> Arc<ServerConfig> {
        let material = self.source.latest();
        let verifier = material.client.verifier(material.builder.crypto_provider(), seen);
        let mut config = material
            .builder
            .clone()
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(material.certified.clone())));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("client", &self.source.latest().client)
            .finish_non_exhaustive()
    }
}
