use rustls::{CommonState, ProtocolVersion};

use crate::Fingerprint;

/// What a handshake agreed on.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// `TLS 1.3` or `TLS 1.2`.
    pub version: &'static str,
    /// The cipher suite, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// Whether the server asked the client for its certificate. One that did not, as plugins of
    /// pyvider-rpcplugin do, serves anybody: such a connection is encrypted and the server is the
    /// right one, but it is not mutual TLS.
    pub client_certificate_requested: bool,
    /// The certificate that the peer presented.
    pub peer: Option<Fingerprint>,
}

impl TlsInfo {
    pub(crate) fn new(connection: &CommonState, client_certificate_requested: bool) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
                // The configurations allow nothing below.
                _ => "TLS 1.2",
            },
            cipher_suite: connection
                .negotiated_cipher_suite()
                .map(|suite| format!("{:?}", suite.suite()))
                .unwrap_or_default(),
            client_certificate_requested,
            peer: connection
                .peer_certificates()
                .and_then(<[_]>::first)
                .map(|certificate| Fingerprint::of(certificate)),
        }
    }
}
