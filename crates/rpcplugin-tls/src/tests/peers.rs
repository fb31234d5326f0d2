//! Peers that do as they are told: rustls without our rules.

use std::sync::Arc;

use p521::ecdsa::{Signature, signature::hazmat::PrehashSigner as _};
use rpcplugin_core::{Error, SecurityError};
use rustls::{
    ClientConfig, DEFAULT_VERSIONS, DigitallySignedStruct, DistinguishedName, ServerConfig,
    SignatureAlgorithm, SignatureScheme, SupportedProtocolVersion,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    server::danger::{ClientCertVerified, ClientCertVerifier},
    sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use crate::{
    Certificate, ClientStream, ClientTls, Identity, IdentityParams, KeyType, Provider,
    ServerStream, ServerTls, TlsAcceptor, TlsLayer,
};

pub(super) type Versions = &'static [&'static SupportedProtocolVersion];

/// Each version alone.
pub(super) const VERSIONS: [Versions; 2] = [&[&TLS12], &[&TLS13]];

pub(super) fn identity(key_type: KeyType) -> Identity {
    Identity::generate(&IdentityParams::new().key_type(key_type)).unwrap()
}

pub(super) fn pipe() -> (DuplexStream, DuplexStream) {
    duplex(64 * 1024)
}

pub(super) fn layer(host: &Identity, plugin: &Certificate) -> TlsLayer {
    TlsLayer::new(ClientTls::pinned(host, plugin).unwrap())
}

pub(super) fn acceptor(plugin: &Identity, host: &Certificate) -> TlsAcceptor {
    TlsAcceptor::new(ServerTls::pinned(plugin, host).unwrap())
}

/// Connects and reads a byte: a host that was refused after its own end learns it there.
pub(super) async fn dial(
    layer: &TlsLayer,
    io: DuplexStream,
) -> Result<ClientStream<DuplexStream>, Error> {
    let mut stream = layer.connect(io).await?;
    match stream.read_exact(&mut [0]).await {
        Ok(_) => Ok(stream),
        Err(error) => Err(crate::explain(&error).expect("a TLS failure").into()),
    }
}

/// Accepts and writes a byte.
pub(super) async fn serve(
    acceptor: &TlsAcceptor,
    io: DuplexStream,
) -> Result<ServerStream<DuplexStream>, SecurityError> {
    let mut stream = acceptor.accept(io).await?;
    stream.write_all(b"!").await.unwrap();
    stream.flush().await.unwrap();
    Ok(stream)
}

/// Both sides of one connection of ours over a pipe.
pub(super) async fn meet(
    layer: &TlsLayer,
    acceptor: &TlsAcceptor,
) -> (Result<ClientStream<DuplexStream>, Error>, Result<ServerStream<DuplexStream>, SecurityError>)
{
    let (near, far) = pipe();
    tokio::join!(dial(layer, near), serve(acceptor, far))
}

/// A peer with or without a certificate, in any version, with or without ALPN.
pub(super) struct Peer {
    pub(super) certified: Option<Arc<CertifiedKey>>,
    pub(super) versions: Versions,
    pub(super) alpn: &'static [&'static [u8]],
    /// As a server: whether it asks for a client certificate.
    pub(super) asks: bool,
    /// The signatures that it says it can verify.
    pub(super) schemes: Vec<SignatureScheme>,
}

impl Peer {
    pub(super) fn new(certified: Option<Arc<CertifiedKey>>) -> Self {
        let schemes = Provider::Ring.crypto().signature_verification_algorithms.supported_schemes();
        Self { certified, versions: DEFAULT_VERSIONS, alpn: &[b"h2"], asks: true, schemes }
    }

    pub(super) fn of(identity: &Identity) -> Self {
        Self::new(Some(identity.certified().unwrap()))
    }

    pub(super) fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    fn alpn_protocols(&self) -> Vec<Vec<u8>> {
        self.alpn.iter().map(|name| name.to_vec()).collect()
    }

    /// Plays the client. The result is what its first read says, if the handshake gets so far.
    pub(super) async fn call(&self, io: DuplexStream) -> std::io::Result<Vec<u8>> {
        let builder = ClientConfig::builder_with_provider(Provider::Ring.crypto())
            .with_protocol_versions(self.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(self.schemes.clone())));
        let mut config = match &self.certified {
            None => builder.with_no_client_auth(),
            Some(certified) => {
                builder.with_client_cert_resolver(Arc::new(Always(certified.clone())))
            }
        };
        config.alpn_protocols = self.alpn_protocols();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream =
            tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, io).await?;
        let mut one = vec![0];
        stream.read_exact(&mut one).await?;
        Ok(one)
    }

    /// Plays the server, and writes one byte when the handshake is done.
    pub(super) async fn serve(&self, io: DuplexStream) -> std::io::Result<()> {
        let builder = ServerConfig::builder_with_provider(Provider::Ring.crypto())
            .with_protocol_versions(self.versions)
            .unwrap();
        let builder = match self.asks {
            true => builder.with_client_cert_verifier(Arc::new(Anybody(self.schemes.clone()))),
            false => builder.with_no_client_auth(),
        };
        let certified = self.certified.clone().expect("a server has a certificate");
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = self.alpn_protocols();
        let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(io).await?;
        assert_eq!(stream.get_ref().1.server_name(), Some("localhost"));
        stream.write_all(b"!").await?;
        stream.flush().await?;
        // Stays until the client has gone.
        let _ = stream.read(&mut [0]).await;
        Ok(())
    }
}

/// Sends its certificate whatever the server accepts.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesClientCert for Always {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Trusts everybody, as none of our types can.
#[derive(Debug)]
struct Anybody(Vec<SignatureScheme>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ServerCertVerifier::supported_verify_schemes(self)
    }
}

/// The certificate of the shape that go-plugin makes: P-521, an authority. Made with OpenSSL.
pub(super) fn go_certificate() -> Certificate {
    Certificate::from_pem(include_bytes!("data/p521-ca.pem")).unwrap()
}

/// Signs with the key of [`go_certificate`] in one scheme only.
#[derive(Debug)]
pub(super) struct P521Key(pub(super) SignatureScheme);

impl P521Key {
    pub(super) fn certified(scheme: SignatureScheme) -> Arc<CertifiedKey> {
        let chain = vec![go_certificate().as_rustls().clone()];
        Arc::new(CertifiedKey::new(chain, Arc::new(Self(scheme))))
    }
}

impl SigningKey for P521Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&self.0).then(|| Box::new(Self(self.0)) as _)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for P521Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let hex = include_str!("data/p521-ca.scalar.hex").as_bytes();
        let scalar: Vec<u8> = hex
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let key = p521::ecdsa::SigningKey::from_slice(&scalar).unwrap();
        let signature: Signature = match self.0 {
            SignatureScheme::ECDSA_NISTP256_SHA256 => key.sign_prehash(&Sha256::digest(message)),
            SignatureScheme::ECDSA_NISTP384_SHA384 => key.sign_prehash(&Sha384::digest(message)),
            _ => key.sign_prehash(&Sha512::digest(message)),
        }
        .unwrap();
        Ok(signature.to_der().as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}
