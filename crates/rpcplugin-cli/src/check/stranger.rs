//! TLS by hand: clients that no host should be, to see how a plugin receives them.

use std::{sync::Arc, time::Duration};

use rpcplugin::{core::SecurityError, tls::Identity, transport::BoxIo};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::dial::Place;

/// A client with its choice of papers. Whom it talks to it does not care about.
pub(crate) struct Stranger<'a> {
    pub(crate) identity: Option<&'a Identity>,
    pub(crate) version: &'static SupportedProtocolVersion,
    pub(crate) alpn: bool,
}

/// What became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reception {
    /// The plugin speaks HTTP/2 with it, with this protocol selected.
    Served { alpn: Option<Vec<u8>> },
    /// The handshake failed, or the connection was closed afterwards.
    Refused(String),
}

impl Reception {
    pub(crate) fn is_served(&self) -> bool {
        matches!(self, Self::Served { .. })
    }
}

impl Stranger<'_> {
    /// Connects, and looks whether anybody speaks HTTP/2.
    pub(crate) async fn knock(&self, place: &Place, limit: Duration) -> Reception {
        let refused = |why: String| Reception::Refused(why);
        let config = match self.config() {
            Ok(config) => config,
            Err(error) => return refused(error.to_string()),
        };
        let io = match place.connect(limit).await {
            Ok(io) => io,
            Err(error) => return refused(error.kind().to_string()),
        };
        let name = ServerName::try_from("localhost").expect("localhost is a DNS name");
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, io);
        let mut tls = match timeout(limit, handshake).await {
            Ok(Ok(tls)) => tls,
            Ok(Err(error)) => return refused(tls_error(&error)),
            Err(_) => return refused("no answer".to_owned()),
        };
        let alpn = tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        match timeout(limit, hear_settings(&mut tls)).await {
            Ok(Ok(true)) => Reception::Served { alpn },
            Ok(Ok(false)) => refused("closed".to_owned()),
            Ok(Err(error)) => refused(tls_error(&error)),
            Err(_) => refused("no answer".to_owned()),
        }
    }

    fn config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[self.version])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody));
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = papers(identity)?;
                builder.with_client_auth_cert(chain, key)?
            }
        };
        if self.alpn {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

type Papers = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn papers(identity: &Identity) -> Result<Papers, rustls::Error> {
    let secret = identity.to_secret_pem();
    let key = PrivateKeyDer::from_pem_slice(secret.expose().as_bytes())
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok((vec![CertificateDer::from(identity.certificate().der().to_vec())], key))
}

/// The alert, or the kind of what went wrong: the same in each run.
fn tls_error(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => format!("alert {alert:?}"),
        Some(other) => other.to_string(),
        None => "closed".to_owned(),
    }
}

/// HTTP/2's preface and empty settings.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Whether the other end answers the preface with settings of its own.
pub(crate) async fn hear_settings<IO>(io: &mut IO) -> std::io::Result<bool>
where
    IO: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    io.write_all(PREFACE).await?;
    io.flush().await?;
    let mut header = [0; 9];
    match io.read_exact(&mut header).await {
        // Length, type, flags, stream: settings are of type 4, on stream 0.
        Ok(_) => Ok(header[3] == 4),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes whatever certificate there is: nothing is sent that matters.
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
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
        ]
    }
}

/// Says hello in TLS 1.1, which rustls does not speak. Whether the other end goes along.
pub(crate) async fn speaks_tls11(mut io: BoxIo, limit: Duration) -> bool {
    let hello = async {
        io.write_all(&tls11_hello()).await?;
        let mut header = [0; 6];
        io.read_exact(&mut header).await?;
        // A handshake record that holds a server's hello.
        Ok::<_, std::io::Error>(header[0] == 22 && header[5] == 2)
    };
    matches!(timeout(limit, hello).await, Ok(Ok(true)))
}

/// A ClientHello of TLS 1.1 with the suites of its time, curves and signature algorithms.
fn tls11_hello() -> Vec<u8> {
    let mut extensions = Vec::new();
    for (kind, body) in [
        // server_name: localhost
        (0u16, &b"\0\x0c\0\0\x09localhost"[..]),
        // supported_groups: P-256, P-384, P-521
        (10, b"\0\x06\0\x17\0\x18\0\x19"),
        // ec_point_formats: uncompressed
        (11, b"\x01\0"),
        // application_layer_protocol_negotiation: h2
        (16, b"\0\x03\x02h2"),
    ] {
        extensions.extend(kind.to_be_bytes());
        extensions.extend((body.len() as u16).to_be_bytes());
        extensions.extend(body);
    }
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.push(0);
    // ECDHE with ECDSA and RSA, AES-CBC and SHA-1.
    hello.extend(b"\0\x08\xc0\x09\xc0\x0a\xc0\x13\xc0\x14\x01\0");
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut record = vec![22, 3, 1];
    record.extend((hello.len() as u16 + 4).to_be_bytes());
    record.push(1);
    record.extend(&(hello.len() as u32).to_be_bytes()[1..]);
    record.extend(hello);
    record
}

/// That an identity could not be made is a fault of this machine.
pub(crate) fn stranger() -> Result<Identity, SecurityError> {
    Identity::generate(&rpcplugin::tls::IdentityParams::new())
}
