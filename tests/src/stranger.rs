//! Somebody who finds a plugin's socket and is not its host.

use std::sync::Arc;

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin::{Client, core::Address};
use rpcplugin_tls::{Certificate, ClientTls, Identity, IdentityParams, TlsLayer};
use rpcplugin_transport::BoxIo;
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::{TcpStream, UnixStream};

/// What a stranger shows of himself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Papers {
    /// He does not even speak TLS.
    Plaintext,
    /// TLS without a certificate.
    None,
    /// TLS with a certificate that he made himself, just like a host's.
    Own,
}

/// Connects to the plugin of `client` with these papers, and calls a method with this message.
///
/// # Errors
///
/// Whatever kept the call from an answer with gRPC status 0.
pub async fn call(
    client: &Client,
    papers: Papers,
    method: &str,
    message: &[u8],
) -> anyhow::Result<Bytes> {
    call_at(client.address(), client.peer_certificate(), papers, method, message).await
}

/// The same at any address, where this certificate is shown.
///
/// # Errors
///
/// The same.
pub async fn call_at(
    address: &Address,
    certificate: Option<&Certificate>,
    papers: Papers,
    method: &str,
    message: &[u8],
) -> anyhow::Result<Bytes> {
    let io: BoxIo = match address {
        Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Address::Tcp(address) => Box::new(TcpStream::connect(address).await?),
        other => anyhow::bail!("no way to {other}"),
    };
    match papers {
        Papers::Plaintext => request(io, method, message).await,
        Papers::None => {
            let connector = tokio_rustls::TlsConnector::from(Arc::new(anonymous()?));
            let name = ServerName::try_from("localhost")?;
            request(connector.connect(name, io).await?, method, message).await
        }
        Papers::Own => {
            let plugin = certificate.context("TLS is served there")?;
            let identity = Identity::generate(&IdentityParams::default())?;
            let tls = TlsLayer::new(ClientTls::pinned(&identity, plugin)?);
            request(tls.connect(io).await?, method, message).await
        }
    }
}

async fn request(
    io: impl rpcplugin_transport::Io,
    method: &str,
    message: &[u8],
) -> anyhow::Result<Bytes> {
    let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) = builder.handshake(TokioIo::new(io)).await?;
    let connection = tokio::spawn(connection);
    let length = u32::try_from(message.len())?;
    let frame = [&[0], length.to_be_bytes().as_slice(), message].concat();
    let request = Request::post(format!("http://localhost{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::<Bytes>::from(frame))?;
    let reply = sender.send_request(request).await;
    // Whatever the answer, the stranger leaves.
    drop(sender);
    let (head, body) = reply?.into_parts();
    let body = body.collect().await?;
    connection.abort();
    let status = body.trailers().or(Some(&head.headers)).and_then(|all| all.get("grpc-status"));
    anyhow::ensure!(status.is_some_and(|status| status == "0"), "status {status:?}");
    Ok(body.to_bytes())
}

/// TLS that takes any server and shows no certificate.
fn anonymous() -> anyhow::Result<rustls::ClientConfig> {
    let mut config =
        rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

#[derive(Debug)]
struct Anybody;

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
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
