use std::{fmt, sync::Arc};

use rpcplugin_core::escape_text;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::{San, pin::Seen, x509};

/// Accepts whom the verifier inside accepts, if it bears one of the names too; made for one
/// handshake.
#[derive(Debug)]
pub(super) struct Named<V: ?Sized> {
    names: Arc<[San]>,
    seen: Arc<Seen>,
    inner: Arc<V>,
}

impl<V: ?Sized> Named<V> {
    pub(super) fn new(inner: Arc<V>, names: Arc<[San]>, seen: Arc<Seen>) -> Self {
        Self { names, seen, inner }
    }

    fn look_at(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let borne = x509::names(certificate);
        if self.names.iter().any(|allowed| borne.iter().any(|borne| stands_for(borne, allowed))) {
            return Ok(());
        }
        self.seen.refuse_names(format!(
            "it bears {}, and none of the allowed names: {}",
            list(&borne),
            list(&self.names)
        ));
        Err(CertificateError::ApplicationVerificationFailure.into())
    }
}

/// Whether a name in a certificate stands for the one that is allowed.
fn stands_for(borne: &San, allowed: &San) -> bool {
    match (borne, allowed) {
        (San::Dns(borne), San::Dns(allowed)) => {
            borne.eq_ignore_ascii_case(allowed) || is_under(borne, allowed)
        }
        (borne, allowed) => borne == allowed,
    }
}

/// Whether `*.internal` stands for it: a name with exactly one label in place of the star.
fn is_under(wildcard: &str, name: &str) -> bool {
    let (Some(parent), Some((label, rest))) = (wildcard.strip_prefix("*."), name.split_once('.'))
    else {
        return false;
    };
    !label.is_empty() && rest.contains('.') && rest.eq_ignore_ascii_case(parent)
}

fn list(names: &[San]) -> String {
    const MOST: usize = 8;
    let shown: Vec<_> = names.iter().take(MOST).map(show).collect();
    match (names.len(), names.len().saturating_sub(MOST)) {
        (0, _) => "no name".to_owned(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn show(name: &San) -> String {
    let text = escape_text(&name.to_string());
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

macro_rules! delegate_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.inner.verify_tls12_signature(message, certificate, signature)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.inner.verify_tls13_signature(message, certificate, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.inner.supported_verify_schemes()
        }
    };
}

impl<V: ServerCertVerifier + fmt::Debug + ?Sized> ServerCertVerifier for Named<V> {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let inner = &self.inner;
        let verified =
            inner.verify_server_cert(presented, chain, server_name, ocsp_response, now)?;
        self.look_at(presented).map(|()| verified)
    }

    delegate_signatures!();
}

impl ClientCertVerifier for Named<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        presented: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(presented, chain, now)?;
        self.look_at(presented).map(|()| verified)
    }

    delegate_signatures!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_whole() {
        let dns = |name: &str| San::Dns(name.to_owned());
        for (borne, allowed, expected) in [
            ("kv.internal", "kv.internal", true),
            ("KV.Internal", "kv.internal", true),
            ("kv.internal", "kv.internal.", false),
            ("evil-kv.internal", "kv.internal", false),
            ("*.db.internal", "kv.db.internal", true),
            ("*.db.internal", "a.kv.db.internal", false),
            ("*.db.internal", "db.internal", false),
            ("*.internal", "kv.internal", false),
            ("*", "kv", false),
            ("kv.db.internal", "*.db.internal", false),
        ] {
            assert_eq!(stands_for(&dns(borne), &dns(allowed)), expected, "{borne} {allowed}");
        }
        let uri = San::Uri("kv.internal".to_owned());
        assert!(!stands_for(&uri, &dns("kv.internal")) && stands_for(&uri, &uri));
    }
}
