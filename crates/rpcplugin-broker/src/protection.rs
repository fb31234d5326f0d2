/// How the connections that a side dials are protected: as its main connection is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Protection {
    /// Not at all, as host and plugin chose by name.
    Plaintext,
    /// Mutual TLS, with the identity of this side and the one certificate of the other. Whoever
    /// accepts is the TLS server, so a plugin that dials is the TLS client. A server that does not
    /// ask for our certificate is accepted: go-plugin's hosts before 1.4.4 do not.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Mutual(Box<rpcplugin_tls::TlsLayer>),
}
