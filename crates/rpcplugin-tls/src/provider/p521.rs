//! P-521 signatures for a provider that cannot verify them.
//!
//! One-time certificates of go-plugin are P-521. Without these entries a Go host finds no usable
//! scheme in our certificate request and silently sends no certificate, and a Go plugin ends the
//! handshake. Verifying is enough: our own keys are of other kinds.

use p521::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};
use rustls::{SignatureScheme, crypto::WebPkiSupportedAlgorithms};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The list with P-521 added under each hash.
///
/// In TLS 1.2 a scheme names only the hash, so Go signs with its P-521 key under the first ECDSA
/// scheme we list, SHA-384 as it happens. TLS 1.3 takes the *first* algorithm of a scheme, so
/// P-521 goes behind those of other curves.
///
/// The result leaks its tables, which rustls wants to be static: call it once.
pub(super) fn extend(algorithms: &WebPkiSupportedAlgorithms) -> WebPkiSupportedAlgorithms {
    let mut all = algorithms.all.to_vec();
    all.extend([SHA256, SHA384, SHA512]);
    let mut mapping: Vec<_> = algorithms
        .mapping
        .iter()
        .map(|(scheme, verifiers)| match scheme {
            SignatureScheme::ECDSA_NISTP384_SHA384 => (*scheme, followed_by(verifiers, SHA384)),
            SignatureScheme::ECDSA_NISTP256_SHA256 => (*scheme, followed_by(verifiers, SHA256)),
            _ => (*scheme, *verifiers),
        })
        .collect();
    mapping.push((SignatureScheme::ECDSA_NISTP521_SHA512, const { &[SHA512] }));
    WebPkiSupportedAlgorithms { all: all.leak(), mapping: mapping.leak() }
}

type Verifier = &'static dyn SignatureVerificationAlgorithm;

fn followed_by(verifiers: &[Verifier], last: Verifier) -> &'static [Verifier] {
    [verifiers, &[last]].concat().leak()
}

const SHA256: Verifier = &P521 { hash: Hash::Sha256 };
const SHA384: Verifier = &P521 { hash: Hash::Sha384 };
const SHA512: Verifier = &P521 { hash: Hash::Sha512 };

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Debug)]
struct P521 {
    hash: Hash,
}

impl SignatureVerificationAlgorithm for P521 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        match self.hash {
            Hash::Sha256 => key.verify_prehash(&Sha256::digest(message), &signature),
            Hash::Sha384 => key.verify_prehash(&Sha384::digest(message), &signature),
            Hash::Sha512 => key.verify_prehash(&Sha512::digest(message), &signature),
        }
        .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.hash {
            Hash::Sha256 => alg_id::ECDSA_SHA256,
            Hash::Sha384 => alg_id::ECDSA_SHA384,
            Hash::Sha512 => alg_id::ECDSA_SHA512,
        }
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::*;
    use crate::Certificate;

    const MESSAGE: &[u8] = b"signed by OpenSSL";

    /// Made by `openssl dgst -sign`, with the key of the certificate.
    const SIGNATURES: [(Verifier, &[u8]); 3] = [
        (SHA256, include_bytes!("../tests/data/p521-sha256.sig")),
        (SHA384, include_bytes!("../tests/data/p521-sha384.sig")),
        (SHA512, include_bytes!("../tests/data/p521-sha512.sig")),
    ];

    fn public_key() -> Vec<u8> {
        let pem = include_bytes!("../tests/data/p521-ca.pem");
        let certificate = Certificate::from_pem(pem).unwrap();
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
        parsed.public_key().subject_public_key.data.to_vec()
    }

    #[test]
    fn signatures_of_openssl_verify_under_their_own_hash_alone() {
        let key = public_key();
        for (i, (verifier, _)) in SIGNATURES.iter().enumerate() {
            for (j, (_, signature)) in SIGNATURES.iter().enumerate() {
                let verified = verifier.verify_signature(&key, MESSAGE, signature);
                assert_eq!(verified.is_ok(), i == j, "{verifier:?}");
            }
        }
    }

    #[test]
    fn changed_messages_keys_and_signatures_do_not_verify() {
        let key = public_key();
        for (verifier, signature) in SIGNATURES {
            assert!(verifier.verify_signature(&key, b"signed by nobody", signature).is_err());
            assert!(verifier.verify_signature(&[], MESSAGE, signature).is_err());
            assert!(verifier.verify_signature(&key, MESSAGE, &[]).is_err());
            for place in 0..signature.len() {
                let mut changed = signature.to_vec();
                changed[place] ^= 1;
                assert!(verifier.verify_signature(&key, MESSAGE, &changed).is_err(), "{place}");
            }
        }
    }

    #[test]
    fn p521_comes_last_under_each_scheme() {
        let plain = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let extended = extend(&plain);
        for ((scheme, plain), (same, extended)) in plain.mapping.iter().zip(extended.mapping) {
            assert_eq!(scheme, same);
            assert!(extended.len() - plain.len() <= 1);
            assert_eq!(
                plain[0].public_key_alg_id(),
                extended[0].public_key_alg_id(),
                "TLS 1.3 takes the first of {scheme:?}"
            );
        }
        assert!(extended.supported_schemes().contains(&SignatureScheme::ECDSA_NISTP521_SHA512));
        assert_eq!(extended.all.len(), plain.all.len() + 3);
    }
}
