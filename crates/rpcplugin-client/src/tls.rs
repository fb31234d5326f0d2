/// How the connection to a plugin is protected.
///
/// Nothing ever falls back from one to another.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Tls {
    /// Mutual TLS: both sides make a one-time certificate for this start and accept exactly the
    /// other's. A plugin that announces none is refused before a byte is sent to it.
    #[default]
    Auto,
    /// No encryption and no proof of who answers, beyond the owner of the socket. A plugin that
    /// announces a certificate is refused.
    Plaintext,
    /// Mutual TLS with certificates that an operator supplies to both sides: chains, names and
    /// dates are checked, and what a plugin announces does not matter. A plugin that does not ask
    /// for this host's certificate is refused.
    #[cfg(feature = "tls")]
    Custom(rpcplugin_tls::CustomTls),
}

/// What to do about a plugin that serves TLS and never asks for this host's certificate.
///
/// Such a plugin proves who it is, and accepts any host; pyvider's do so.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// Go on, with one warning.
    #[default]
    Warn,
    /// Refuse the plugin: `SECURITY_TLS_HANDSHAKE`.
    Required,
}
