//! Whether bytes are one certificate whose key can be verified.

use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;
use x509_parser::{
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521,
        OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
    },
    prelude::{FromDer as _, X509Certificate},
    public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

/// Says what is wrong, as a fragment for [`rpcplugin_core::SecurityError::CertInvalid`].
pub(super) fn usable(der: &[u8]) -> Result<(), String> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| "not an X.509 certificate in DER".to_owned())?;
    if !rest.is_empty() {
        return Err(format!("{} bytes behind the certificate", rest.len()));
    }
    usable_key(certificate.public_key())?;
    // What rustls reads when it verifies a signature: it wants version 3, for example, and a
    // handshake that can only fail is better refused here.
    ParsedCertificate::try_from(&CertificateDer::from(der))
        .map_err(|error| format!("TLS cannot use it: {error}"))?;
    Ok(())
}

fn usable_key(key: &SubjectPublicKeyInfo<'_>) -> Result<(), String> {
    let bytes: &[u8] = &key.subject_public_key.data;
    let algorithm = &key.algorithm.algorithm;
    if *algorithm == OID_SIG_ED25519 {
        return length("Ed25519", bytes, 32);
    }
    if *algorithm == OID_PKCS1_RSAENCRYPTION {
        return match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => match rsa.key_size() {
                2048..=8192 => Ok(()),
                bits => Err(format!("an RSA key of {bits} bits, 2048 to 8192 are accepted")),
            },
            _ => Err("an unreadable RSA key".into()),
        };
    }
    if *algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
        return Err(format!("a key of unsupported kind {algorithm}"));
    }
    let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    match curve {
        Some(curve) if curve == OID_EC_P256 => point("P-256", bytes, 32),
        Some(curve) if curve == OID_NIST_EC_P384 => point("P-384", bytes, 48),
        Some(curve) if curve == OID_NIST_EC_P521 => point("P-521", bytes, 66),
        Some(curve) => Err(format!("a key on the unsupported curve {curve}")),
        None => Err("a key on an unnamed curve".into()),
    }
}

/// An uncompressed point: peers write no other form, and ring reads no other.
fn point(curve: &str, bytes: &[u8], coordinate: usize) -> Result<(), String> {
    if bytes.first() != Some(&4) {
        return Err(format!("a {curve} key that is not an uncompressed point"));
    }
    length(curve, bytes, 2 * coordinate + 1)
}

fn length(kind: &str, bytes: &[u8], expected: usize) -> Result<(), String> {
    if bytes.len() == expected {
        Ok(())
    } else {
        Err(format!("a {kind} key of {} bytes instead of {expected}", bytes.len()))
    }
}
