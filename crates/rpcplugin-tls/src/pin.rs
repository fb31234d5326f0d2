use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    server::danger::{ClientCertVerified, ClientCertVerifier},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use subtle::ConstantTimeEq as _;

use crate::{Certificate, Fingerprint};

/// Accepts one certificate, byte for byte, and nothing else; made for one handshake.
///
/// The peer's certificate arrives out of band (on the handshake line, or in the environment), so
/// comparing it whole is stricter than building a chain. It is also the only thing that works:
/// go-plugin marks its leaf certificates as authorities, and webpki refuses an authority as an end
/// entity. The proof of the key is the handshake's signature, which is verified too: a
/// certificate is public, and anybody can present a copy.
#[derive(Debug)]
pub(crate) struct PinnedPeer {
    expected: Certificate,
    algorithms: WebPkiSupportedAlgorithms,
    seen: Arc<Seen>,
}

/// What one handshake showed of the peer.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    other: OnceLock<Fingerprint>,
    unwanted: OnceLock<String>,
    asked_for_ours: AtomicBool,
    took_ours: AtomicBool,
}

impl Seen {
    /// The certificate that was presented in place of the pinned one.
    pub(crate) fn other_certificate(&self) -> Option<Fingerprint> {
        self.other.get().copied()
    }

    /// Under an operator's list of names, that the peer bears none of them, and which it bears.
    pub(crate) fn unwanted_names(&self) -> Option<&str> {
        self.unwanted.get().map(String::as_str)
    }

    pub(crate) fn refuse_names(&self, reason: String) {
        let _ = self.unwanted.set(reason);
    }

    /// Client: whether the server asked for our certificate.
    pub(crate) fn asked_for_ours(&self) -> bool {
        self.asked_for_ours.load(Ordering::Relaxed)
    }

    /// Client: whether the server's request allowed us to answer it.
    pub(crate) fn took_ours(&self) -> bool {
        self.took_ours.load(Ordering::Relaxed)
    }
}

impl PinnedPeer {
    pub(crate) fn new(
        expected: Certificate,
        algorithms: WebPkiSupportedAlgorithms,
        seen: Arc<Seen>,
    ) -> Self {
        Self { expected, algorithms, seen }
    }

    fn compare(&self, presented: &[u8]) -> Result<(), Error> {
        if presented.ct_eq(self.expected.der()).into() {
            return Ok(());
        }
        let _ = self.seen.other.set(Fingerprint::of(presented));
        Err(CertificateError::ApplicationVerificationFailure.into())
    }
}

/// The part of both verifiers that proves the peer's key.
macro_rules! verify_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, certificate, signature, &self.algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signature, &self.algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.algorithms.supported_schemes()
        }
    };
}

impl ServerCertVerifier for PinnedPeer {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.compare(presented).map(|()| ServerCertVerified::assertion())
    }

    verify_signatures!();
}

impl ClientCertVerifier for PinnedPeer {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A self-signed certificate has no authority to name.
        &[]
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.compare(presented).map(|()| ClientCertVerified::assertion())
    }

    verify_signatures!();
}

/// Presents our certificate to a server that asks, and remembers that it asked.
#[derive(Debug)]
pub(crate) struct Presenter {
    certified: Arc<CertifiedKey>,
    seen: Arc<Seen>,
}

impl Presenter {
    pub(crate) fn new(certified: Arc<CertifiedKey>, seen: Arc<Seen>) -> Self {
        Self { certified, seen }
    }
}

impl ResolvesClientCert for Presenter {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.seen.asked_for_ours.store(true, Ordering::Relaxed);
        // Without a common scheme rustls would answer with an empty certificate.
        let usable = self.certified.key.choose_scheme(schemes).is_some();
        self.seen.took_ours.store(usable, Ordering::Relaxed);
        Some(self.certified.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
