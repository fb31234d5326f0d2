use std::{fmt, sync::Arc};

use rpcplugin_core::SecurityError;
use rustls::sign::SigningKey;
use rustls_pki_types::{
    PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer, pem,
    pem::PemObject as _,
};
use zeroize::Zeroizing;

use crate::{Provider, certificate::to_pem};

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

/// A private key, wiped when dropped.
pub(crate) struct PrivateKey {
    der: Zeroizing<Vec<u8>>,
    form: Form,
}

/// How a key's bytes are to be read.
#[derive(Clone, Copy)]
enum Form {
    Pkcs8,
    Sec1,
    Pkcs1,
}

impl PrivateKey {
    pub(crate) fn generate(kind: KeyType, provider: &Provider) -> Result<Self, SecurityError> {
        match provider {
            Provider::Ring => with_ring(kind),
            #[cfg(feature = "aws-lc-rs")]
            Provider::AwsLcRs => with_aws_lc_rs(kind),
            #[cfg(feature = "custom-provider")]
            Provider::Custom(_) => with_ring(kind),
        }
        .map(|der| Self { der, form: Form::Pkcs8 })
    }

    /// A key that somebody stored.
    fn stored(key: &Zeroizing<PrivateKeyDer<'static>>) -> Self {
        let form = match &**key {
            PrivateKeyDer::Sec1(_) => Form::Sec1,
            PrivateKeyDer::Pkcs1(_) => Form::Pkcs1,
            // A form that comes later is refused when it is loaded.
            _ => Form::Pkcs8,
        };
        Self { der: Zeroizing::new(key.secret_der().to_vec()), form }
    }

    /// Reads the first key in the PEM.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, SecurityError> {
        const ENCRYPTED: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];
        let holds = |mark: &[u8]| pem.windows(mark.len()).any(|window| window == mark);
        if ENCRYPTED.into_iter().any(holds) {
            return Err(SecurityError::CertInvalid {
                reason: "its key is encrypted; keep it as plain PEM that this user alone can read"
                    .into(),
            });
        }
        let key = PrivateKeyDer::from_pem_slice(pem).map(Zeroizing::new);
        Ok(Self::stored(&key.map_err(|error| unreadable("key", &error))?))
    }

    pub(crate) fn copy(&self) -> Self {
        Self { der: self.der.clone(), form: self.form }
    }

    /// The key as PEM.
    pub(crate) fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(to_pem(self.label(), self.bytes()))
    }

    /// The key's bytes, for somebody who knows what they are.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.der
    }

    /// What they are called in PEM.
    pub(crate) const fn label(&self) -> &'static str {
        match self.form {
            Form::Pkcs8 => "PRIVATE KEY",
            Form::Sec1 => "EC PRIVATE KEY",
            Form::Pkcs1 => "RSA PRIVATE KEY",
        }
    }

    /// The key in the form that signs.
    pub(crate) fn load(&self, provider: &Provider) -> Result<Arc<dyn SigningKey>, SecurityError> {
        // rustls takes the bytes and wipes them itself.
        let der = self.der.to_vec();
        let der = match self.form {
            Form::Pkcs8 => PrivateKeyDer::from(PrivatePkcs8KeyDer::from(der)),
            Form::Sec1 => PrivateKeyDer::from(PrivateSec1KeyDer::from(der)),
            Form::Pkcs1 => PrivateKeyDer::from(PrivatePkcs1KeyDer::from(der)),
        };
        provider
            .crypto()
            .key_provider
            .load_private_key(der)
            .map_err(|error| SecurityError::CertInvalid { reason: format!("its key: {error}") })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// Never shows the text: a key may stand in it.
pub(crate) fn unreadable(what: &str, error: &pem::Error) -> SecurityError {
    let reason = match error {
        pem::Error::NoItemsFound => format!("no {what} in the PEM"),
        _ => format!("the {what} is no readable PEM"),
    };
    SecurityError::CertInvalid { reason }
}

fn with_ring(kind: KeyType) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair},
    };
    let random = SystemRandom::new();
    let pkcs8 = match kind {
        KeyType::P256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random),
        KeyType::P384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random),
        KeyType::Ed25519 => return ed25519(&random),
        KeyType::P521 => {
            return Err(SecurityError::CertInvalid {
                reason: "ring makes no P-521 keys; choose the provider aws-lc-rs".into(),
            });
        }
    }
    .map_err(|_| no_random_numbers())?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}

/// A key in the first version of PKCS#8. ring writes the second one, with the public key in it,
/// which OpenSSL before 3.2 does not read.
fn ed25519(random: &ring::rand::SystemRandom) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    /// All that RFC 8410 has before the 32 random bytes that are the key.
    const BEFORE: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let mut der = Zeroizing::new(vec![0; BEFORE.len() + 32]);
    let (before, seed) = der.split_at_mut(BEFORE.len());
    before.copy_from_slice(&BEFORE);
    ring::rand::SecureRandom::fill(random, seed).map_err(|_| no_random_numbers())?;
    Ok(der)
}

fn no_random_numbers() -> SecurityError {
    keygen("ring gave no reason; the system may lack random numbers")
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
        KeyType::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random),
    }
    .map_err(|_| keygen("aws-lc-rs gave no reason; the system may lack random numbers"))?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}

fn keygen(reason: &str) -> SecurityError {
    SecurityError::Keygen { reason: reason.into() }
}
