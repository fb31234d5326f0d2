use std::{fmt, sync::Arc};

use rpcplugin_core::SecurityError;
use rustls::{SignatureScheme, sign::SigningKey};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::Provider;

/// The kind of key that an [`Identity`](crate::Identity) has.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum KeyType {
    /// ECDSA on P-256: every known peer accepts it. The default.
    #[default]
    P256,
    /// ECDSA on P-384: every known peer accepts it.
    P384,
    /// Ed25519. Shuts out pyvider-rpcplugin hosts and all other peers on gRPC-core.
    Ed25519,
    /// ECDSA on P-521. Needs the provider aws-lc-rs, and shuts out the same peers as Ed25519.
    P521,
}

impl KeyType {
    /// The scheme in which a key of this kind signs certificates and TLS 1.3 handshakes.
    pub(crate) const fn scheme(self) -> SignatureScheme {
        match self {
            Self::P256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            Self::P384 => SignatureScheme::ECDSA_NISTP384_SHA384,
            Self::Ed25519 => SignatureScheme::ED25519,
            Self::P521 => SignatureScheme::ECDSA_NISTP521_SHA512,
        }
    }
}

/// A private key as PKCS#8, wiped when dropped.
pub(crate) struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    pub(crate) fn generate(kind: KeyType, provider: &Provider) -> Result<Self, SecurityError> {
        match provider {
            Provider::Ring => with_ring(kind),
            #[cfg(feature = "aws-lc-rs")]
            Provider::AwsLcRs => with_aws_lc_rs(kind),
            #[cfg(feature = "custom-provider")]
            Provider::Custom(_) => with_ring(kind),
        }
        .map(Self)
    }

    /// The key in the form that signs.
    pub(crate) fn load(&self, provider: &Provider) -> Result<Arc<dyn SigningKey>, SecurityError> {
        // rustls takes the bytes and wipes them itself.
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.0.to_vec()));
        provider
            .crypto()
            .key_provider
            .load_private_key(der)
            .map_err(|error| SecurityError::CertInvalid { reason: format!("its key: {error}") })
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

fn with_ring(kind: KeyType) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    use ring::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
            Ed25519KeyPair,
        },
    };
    let random = SystemRandom::new();
    let pkcs8 = match kind {
        KeyType::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random),
        KeyType::P384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random),
        KeyType::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
        KeyType::P521 => {
            return Err(SecurityError::CertInvalid {
                reason: "ring makes no P-521 keys; choose the provider aws-lc-rs".into(),
            });
        }
    }
    .map_err(|_| keygen("ring gave no reason; the system may lack random numbers"))?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}

#[cfg(feature = "aws-lc-rs")]
fn with_aws_lc_rs(kind: KeyType) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
            ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        },
    };
    let random = SystemRandom::new();
    let pkcs8 = match kind {
        KeyType::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random),
        KeyType::P384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random),
        KeyType::P521 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P521_SHA512_ASN1_SIGNING, &random),
        KeyType::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
    }
    .map_err(|_| keygen("aws-lc-rs gave no reason; the system may lack random numbers"))?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}

fn keygen(reason: &str) -> SecurityError {
    SecurityError::Keygen { reason: reason.into() }
}
