use proptest::prelude::*;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::{Certificate, Identity, IdentityParams};

#[track_caller]
fn refused(pem: &[u8], reason: &str) {
    let error = Certificate::from_pem(pem).unwrap_err();
    assert_eq!(error.code(), "SECURITY_CERT_INVALID");
    let text = error.to_string();
    assert!(text.contains(reason), "{text}");
}

const P256: &[u8] = include_bytes!("data/p256.pem");

#[test]
fn every_kind_of_key_that_peers_use_is_accepted() {
    for pem in [
        P256,
        include_bytes!("data/p384.pem"),
        include_bytes!("data/p521-ca.pem"),
        include_bytes!("data/ed25519.pem"),
        include_bytes!("data/rsa2048.pem"),
    ] {
        let certificate = Certificate::from_pem(pem).unwrap();
        assert_eq!(certificate.to_pem().as_bytes(), pem);
        assert_eq!(Certificate::from_der(certificate.der()).unwrap(), certificate);
    }
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    refused(include_bytes!("data/rsa1024.pem"), "an RSA key of 1024 bits");
    refused(include_bytes!("data/rsa-pss.pem"), "a key of unsupported kind");
    refused(include_bytes!("data/secp256k1.pem"), "a key on the unsupported curve");
    refused(include_bytes!("data/version1.pem"), "TLS cannot use it");
}

#[test]
fn anything_but_one_certificate_is_refused() {
    let key = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    refused(b"", "no PEM block");
    refused(b"hello", "no PEM block");
    refused(&[P256, P256].concat(), "2 PEM blocks");
    refused(&[P256, key].concat(), "2 PEM blocks");
    refused(key, "the PEM block is not a certificate");
    refused(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "not an X.509");
    refused(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "is not base64");
    refused(&P256[..P256.len() - 30], "has no end");
    refused(b"-----BEGIN \x1b[2J", "is unreadable");
}

#[test]
fn text_around_the_certificate_is_ignored() {
    let text = [b"\r\n  # the host's\n", P256, b"\n\n \t"].concat();
    assert_eq!(Certificate::from_pem(&text).unwrap(), Certificate::from_pem(P256).unwrap());
    let crlf = String::from_utf8(P256.to_vec()).unwrap().replace('\n', "\r\n");
    Certificate::from_pem(crlf.as_bytes()).unwrap();
}

#[test]
fn der_with_something_behind_it_is_refused() {
    let mut der = CertificateDer::from_pem_slice(P256).unwrap().to_vec();
    let whole = der.clone();
    der.push(0);
    let error = Certificate::from_der(&der).unwrap_err().to_string();
    assert!(error.contains("1 bytes behind the certificate"), "{error}");
    der.pop();
    der.extend(&whole);
    Certificate::from_der(&der).unwrap_err();
    Certificate::from_der(&whole[..whole.len() - 1]).unwrap_err();
    Certificate::from_der(&[]).unwrap_err();
}

#[test]
fn fingerprints_are_what_other_tools_print() {
    // openssl x509 -in p256.pem -outform DER | sha256sum
    let expected = include_str!("data/p256.sha256").trim();
    assert_eq!(Certificate::from_pem(P256).unwrap().fingerprint().to_string(), expected);
    assert_eq!(
        format!("{:?}", Certificate::from_pem(P256).unwrap()),
        format!("Certificate({expected})")
    );
}

proptest! {
    #[test]
    fn no_bytes_panic_the_readers(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Certificate::from_der(&bytes);
        let _ = Certificate::from_pem(&bytes);
    }

    #[test]
    fn no_damage_to_a_certificate_panics_the_readers(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let identity = Identity::generate(&IdentityParams::default()).unwrap();
        for original in [identity.certificate().der(), include_bytes!("data/rsa2048.pem")] {
            let mut bytes = original.to_vec();
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            let _ = Certificate::from_der(&bytes);
            let _ = Certificate::from_pem(&bytes);
            bytes.truncate(cut.index(bytes.len()));
            let _ = Certificate::from_der(&bytes);
            let _ = Certificate::from_pem(&bytes);
        }
    }
}
