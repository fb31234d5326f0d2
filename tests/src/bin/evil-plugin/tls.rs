//! Mutual TLS, honest or not.

use std::sync::Arc;

use anyhow::Context as _;
use rpcplugin_core::CertificateField;
use rpcplugin_tls::{Certificate, Identity, IdentityParams, ServerTls, TlsAcceptor};
use rpcplugin_transport::BoxIo;
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// Which certificate a host gets to see.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Show {
    /// The one in the line.
    Announced,
    /// One of the same kind that the line does not hold.
    Another,
    /// The one in the line, without its key.
    Copied,
}

/// What does the plugin's part of the TLS handshake.
#[derive(Clone)]
pub(crate) enum Acceptor {
    Pinned(TlsAcceptor),
    Copied(tokio_rustls::TlsAcceptor),
}

/// Field 6 of the line.
pub(crate) fn field(identity: &Identity) -> String {
    CertificateField::from_der(identity.certificate().der()).as_str().to_owned()
}

impl Acceptor {
    /// Shows a certificate as told, and lets in the host of this process.
    pub(crate) fn new(show: Show, announced: &Identity) -> anyhow::Result<Self> {
        Ok(match show {
            Show::Announced => Self::Pinned(pinned(announced)?),
            Show::Another => {
                Self::Pinned(pinned(&Identity::generate(&IdentityParams::default())?)?)
            }
            Show::Copied => Self::Copied(copied(announced.certificate())?),
        })
    }

    /// The stream within TLS, unless the handshake failed.
    pub(crate) async fn accept(&self, io: BoxIo) -> Option<BoxIo> {
        Some(match self {
            Self::Pinned(acceptor) => Box::new(acceptor.accept(io).await.ok()?),
            Self::Copied(acceptor) => Box::new(acceptor.accept(io).await.ok()?),
        })
    }
}

fn pinned(identity: &Identity) -> anyhow::Result<TlsAcceptor> {
    let host = std::env::var("PLUGIN_CLIENT_CERT").context("the host wants no TLS")?;
    let host = Certificate::from_pem(host.as_bytes())?;
    Ok(TlsAcceptor::new(ServerTls::pinned(identity, &host)?))
}

fn copied(certificate: &Certificate) -> anyhow::Result<tokio_rustls::TlsAcceptor> {
    let provider = ring::default_provider();
    let algorithm = &::ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let random = ::ring::rand::SystemRandom::new();
    let key = ::ring::signature::EcdsaKeyPair::generate_pkcs8(algorithm, &random)
        .ok()
        .context("the system gave no random number")?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.as_ref().to_vec()));
    let key = provider.key_provider.load_private_key(key)?;
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(Arc::new(CertifiedKey::new(chain, key)))));
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(tokio_rustls::TlsAcceptor::from(Arc::new(config)))
}

/// Presents one pair, though its halves do not fit.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}
