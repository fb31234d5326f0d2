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
