#[cfg(feature = "tls")]
use std::time::Duration;

use crate::Server;

impl Server {
    /// Refuses hosts that bring no certificate. Without this a plugin follows its host.
    /// `PLUGIN_SERVER_REQUIRE_TLS`.
    pub fn require_tls(self) -> Self {
        self.values(|values| values.server_require_tls(true))
    }

    /// Certificates that an operator supplies. The host's `PLUGIN_CLIENT_CERT` is not looked at
    /// then, and the handshake line announces no certificate, so hosts need `Tls::Custom`.
    ///
    /// The settings can supply them, too: `PLUGIN_SERVER_CERT`, `PLUGIN_SERVER_KEY` and
    /// `PLUGIN_CLIENT_ROOT_CERTS`, or `PLUGIN_MTLS_CERT_DIR`. Not beside this:
    /// `SECURITY_CONFIG_CONFLICT`.
    #[cfg(feature = "tls")]
    pub fn custom_tls(mut self, tls: rpcplugin_tls::CustomTls) -> Self {
        self.given.options.custom_tls = Some(tls);
        self.values(|values| values.tls_demanded("custom_tls"))
    }

    /// Time for a connection's TLS handshake: 5 s. `PLUGIN_CONNECTION_TIMEOUT`.
    #[cfg(feature = "tls")]
    pub fn connection_timeout(self, limit: Duration) -> Self {
        self.values(|values| values.connection_timeout(limit))
    }

    /// The key of the one-time certificate: P-256. `PLUGIN_CERT_KEY_TYPE`.
    #[cfg(feature = "tls")]
    pub fn cert_key_type(self, key_type: rpcplugin_tls::KeyType) -> Self {
        self.values(|values| values.cert_key_type(key_type.into()))
    }

    /// The oldest TLS that is accepted: 1.2. `PLUGIN_TLS_MIN_VERSION`.
    #[cfg(feature = "tls")]
    pub fn tls_min_version(self, version: rpcplugin_tls::TlsVersion) -> Self {
        self.values(|values| values.tls_min_version(version.into()))
    }
}
