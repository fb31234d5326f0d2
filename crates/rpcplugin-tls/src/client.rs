use std::{fmt, sync::Arc};

use rpcplugin_core::{ConfigError, Error, SecurityError};
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier, client::Resumption, sign::CertifiedKey};
use rustls_pki_types::ServerName;

use crate::{
    Certificate, CustomTls, Identity, TlsVersion,
    pin::{Presenter, Seen},
    trust::TrustedServer,
};

/// The protocol that runs inside TLS, on both sides and nothing else beside it.
pub(crate) const ALPN: &[u8] = b"h2";

/// How a host speaks TLS with its plugin: TLS 1.2 or 1.3, ALPN `h2`, no resumption, no
/// early data.
#[derive(Clone)]
pub struct ClientTls {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    certified: Arc<CertifiedKey>,
    server: TrustedServer,
    name: ServerName<'static>,
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
        Self::new(identity, TrustedServer::Pinned(server.clone()), name)
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
        let identity = custom.identity();
        let server = TrustedServer::under(custom.trust(), identity.provider().crypto())?;
        Ok(Self::new(&identity, server, name.to_owned())?.min_version(custom.oldest())?)
    }

    fn new(
        identity: &Identity,
        server: TrustedServer,
        name: ServerName<'static>,
    ) -> Result<Self, SecurityError> {
        let builder = ClientConfig::builder_with_provider(identity.provider().crypto())
            .with_protocol_versions(TlsVersion::default().and_newer())
            .map_err(|error| SecurityError::TlsHandshake { detail: error.to_string() })?;
        Ok(Self { builder, certified: identity.certified()?, server, name })
    }

    /// The oldest TLS that is spoken: 1.2.
    ///
    /// # Errors
    ///
    /// `SECURITY_TLS_HANDSHAKE` if the provider has nothing that new.
    pub fn min_version(mut self, version: TlsVersion) -> Result<Self, SecurityError> {
        self.builder = ClientConfig::builder_with_provider(self.builder.crypto_provider().clone())
            .with_protocol_versions(version.and_newer())
            .map_err(|error| SecurityError::TlsHandshake { detail: error.to_string() })?;
        Ok(self)
    }

    /// The one certificate that the server must present; `None` if roots decide.
    #[must_use]
    pub fn server_certificate(&self) -> Option<&Certificate> {
        self.server.pinned()
    }

    pub(crate) fn server_name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    /// A configuration for one handshake, so that what its verifier saw belongs to it alone.
    pub(crate) fn config(&self, seen: &Arc<Seen>) -> Arc<ClientConfig> {
        let verifier = self.server.verifier(self.builder.crypto_provider(), seen);
        let presenter = Presenter::new(self.certified.clone(), seen.clone());
        let mut config = self
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
        f.debug_struct("ClientTls").field("server", &self.server).finish_non_exhaustive()
    }
}
