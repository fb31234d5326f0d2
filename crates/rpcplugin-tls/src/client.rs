use std::{fmt, sync::Arc};

use rpcplugin_core::{ConfigError, Error, SecurityError};
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier, client::Resumption, sign::CertifiedKey};
use rustls_pki_types::ServerName;

use crate::{
    Certificate, CustomTls, Identity, TlsVersion,
    custom::Snapshot,
    latest::Source,
    pin::{Presenter, Seen},
    trust::TrustedServer,
};

/// The protocol that runs inside TLS, on both sides and nothing else beside it.
pub(crate) const ALPN: &[u8] = b"h2";

/// How a host speaks TLS with its plugin: TLS 1.2 or 1.3, ALPN `h2`, no resumption, no
/// early data.
#[derive(Clone)]
pub struct ClientTls {
    source: Source<Material>,
    name: ServerName<'static>,
}

/// What one handshake after another is made of.
#[derive(Clone)]
struct Material {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    certified: Arc<CertifiedKey>,
    server: TrustedServer,
}

impl Material {
    fn new(
        identity: &Identity,
        server: TrustedServer,
        oldest: TlsVersion,
    ) -> Result<Self, SecurityError> {
        let builder = ClientConfig::builder_with_provider(identity.provider().crypto())
            .with_protocol_versions(oldest.and_newer())
            .map_err(|error| SecurityError::TlsHandshake { detail: error.to_string() })?;
        Ok(Self { builder, certified: identity.certified()?, server })
    }

    fn under(custom: &CustomTls, now: &Snapshot) -> Result<Self, SecurityError> {
        let provider = now.identity.provider().crypto();
        let trusted = TrustedServer::under(&now.trust, provider)?;
        Self::new(&now.identity, trusted, custom.oldest())
    }
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
        // Go's certificates are for this name; a pin looks at none.
        let name = ServerName::try_from("localhost").expect("localhost is a DNS name");
        let server = TrustedServer::Pinned(server.clone());
        let material = Material::new(identity, server, TlsVersion::default())?;
        Ok(Self { source: Source::fixed(material), name })
    }

    /// Presents the operator's identity, and accepts whoever the operator's roots stand for and
    /// bears the server name.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` for a server name that is neither a DNS name nor an IP literal;
    /// `SECURITY_CERT_INVALID` as for [`pinned`](Self::pinned).
    pub fn custom(custom: &CustomTls) -> Result<Self, Error> {
        let name = ServerName::try_from(custom.name()).map_err(|_| ConfigError::Invalid {
            setting: "server_name",
            value: rpcplugin_core::escape_text(custom.name()),
            expected: "a DNS name or an IP literal",
        })?;
        let source = Source::of(custom, Material::under)?;
        Ok(Self { source, name: name.to_owned() })
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
            let builder = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(version.and_newer())
                .map_err(|error| SecurityError::TlsHandshake { detail: error.to_string() })?;
            Ok(Material { builder, ..material.clone() })
        };
        self.source = self.source.change(given, |custom| custom.at_least(version))?;
        Ok(self)
    }

    /// The one certificate that the server must present; `None` if roots decide.
    #[must_use]
    pub fn server_certificate(&self) -> Option<&Certificate> {
        self.source.pinned(|material| material.server.pinned())
    }

    pub(crate) fn server_name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    /// A configuration for one handshake, so that what its verifier saw belongs to it alone.
    pub(crate) fn config(&self, seen: &Arc<Seen>) -> Arc<ClientConfig> {
        let material = self.source.latest();
        let verifier = material.server.verifier(material.builder.crypto_provider(), seen);
        let presenter = Presenter::new(material.certified.clone(), seen.clone());
        let mut config = material
            .builder
            .clone()
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(presenter));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("server", &self.source.latest().server)
            .finish_non_exhaustive()
    }
}
