use futures_util::future::BoxFuture;
#[cfg(feature = "tls")]
use rpcplugin_tls::{ClientTls, ServerTls, TlsAcceptor, TlsLayer};
use rpcplugin_transport::{
    BoxIo,
    serving::{Gate, admit_plaintext},
};

/// How the connections of a side are protected: its side channels as its main connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Protection {
    /// Not at all, as host and plugin chose by name.
    Plaintext,
    /// Mutual TLS, with the identity of this side and what it accepts of the other.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Mutual(std::sync::Arc<Mutual>),
}

/// Mutual TLS in both directions: whoever accepts a connection
/// is its TLS server. A server that does not ask for this side's certificate is accepted:
/// go-plugin's hosts before 1.4.4 do not.
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
#[derive(Debug)]
pub struct Mutual {
    dial: TlsLayer,
    accept: TlsAcceptor,
    /// Peers that are somebody else.
    refused: rpcplugin_core::Noise,
}

#[cfg(feature = "tls")]
impl Mutual {
    /// What secures the connections that this side dials.
    #[must_use]
    pub const fn dial(&self) -> &TlsLayer {
        &self.dial
    }
}

#[cfg(feature = "tls")]
impl Protection {
    /// Shows `identity`, and accepts `peer` alone, with no TLS before `oldest`. Each handshake may
    /// take `timeout`.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if the identity's certificate and key do not belong together or
    /// its provider cannot use them.
    pub fn mutual(
        identity: &rpcplugin_tls::Identity,
        peer: &rpcplugin_tls::Certificate,
        oldest: rpcplugin_tls::TlsVersion,
        timeout: std::time::Duration,
    ) -> Result<Self, rpcplugin_core::SecurityError> {
        let dial = ClientTls::pinned(identity, peer)?.min_version(oldest)?;
        let accept = ServerTls::pinned(identity, peer)?.min_version(oldest)?;
        Ok(Self::between(dial, accept, timeout))
    }

    /// Shows the operator's identity, and accepts whoever the operator's roots stand for. Each
    /// handshake may take `timeout`.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` for an impossible server name; `SECURITY_CERT_INVALID` as for
    /// [`mutual`](Self::mutual).
    pub fn custom(
        custom: &rpcplugin_tls::CustomTls,
        timeout: std::time::Duration,
    ) -> Result<Self, rpcplugin_core::Error> {
        let (dial, accept) = (ClientTls::custom(custom)?, ServerTls::custom(custom)?);
        Ok(Self::between(dial, accept, timeout))
    }

    fn between(dial: ClientTls, accept: ServerTls, timeout: std::time::Duration) -> Self {
        let dial = TlsLayer::new(dial).timeout(timeout);
        let accept = TlsAcceptor::new(accept).timeout(timeout);
        let refused = rpcplugin_core::Noise::default();
        Self::Mutual(std::sync::Arc::new(Mutual { dial, accept, refused }))
    }
}

/// What a connection to this side must prove.
impl Gate for Protection {
    fn admit(&self, io: BoxIo) -> BoxFuture<'_, Result<BoxIo, String>> {
        match self {
            Self::Plaintext => Box::pin(admit_plaintext(io)),
            #[cfg(feature = "tls")]
            Self::Mutual(mutual) => Box::pin(async {
                match mutual.accept.accept(io).await {
                    Ok(io) => Ok(Box::new(io) as BoxIo),
                    Err(error) => {
                        audit(&error, &mutual.refused);
                        Err(error.to_string())
                    }
                }
            }),
        }
    }
}

/// A peer that is somebody else is news; a probe that closes without a byte is not.
#[cfg(feature = "tls")]
fn audit(error: &rpcplugin_core::SecurityError, refused: &rpcplugin_core::Noise) {
    use rpcplugin_core::SecurityError;
    if matches!(error, SecurityError::ClientRefused { .. } | SecurityError::BadSignature { .. })
        && let Some(count) = refused.make()
    {
        tracing::warn!(target: "rpcplugin::audit", code = error.code(), count, "{error}");
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use rpcplugin_core::{Noise, SecurityError};

    #[test]
    fn a_flood_of_strangers_makes_few_lines() {
        let (warnings, refused) = (crate::logged::Warnings::new(), Noise::default());
        for _ in 0..1000 {
            super::audit(&SecurityError::ClientRefused { detail: "a stranger".into() }, &refused);
        }
        assert_eq!(warnings.count(), 16 + 5);
    }
}
