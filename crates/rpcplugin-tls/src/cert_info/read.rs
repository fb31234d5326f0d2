use std::time::{Duration, SystemTime};

use rpcplugin_core::escape_text;
use x509_parser::{
    extensions::ExtendedKeyUsage,
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521,
        OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
    },
    public_key::PublicKey,
    time::ASN1Time,
    x509::{SubjectPublicKeyInfo, X509Name},
};

use super::CertInfo;
use crate::{Fingerprint, x509};

pub(super) fn read(der: &[u8]) -> Option<CertInfo> {
    let certificate = x509::parse(der)?;
    let constraints = certificate.basic_constraints().ok().flatten();
    let (key_type, key_bits) = key(certificate.public_key());
    Some(CertInfo {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        serial: short(&hex(certificate.raw_serial())),
        names: x509::names_of(&certificate),
        not_before: time(certificate.validity().not_before),
        not_after: time(certificate.validity().not_after),
        fingerprint: Fingerprint::of(der),
        key_type,
        key_bits,
        is_authority: certificate.is_ca(),
        path_length: constraints.and_then(|constraints| constraints.value.path_len_constraint),
        usages: match certificate.extended_key_usage() {
            Ok(Some(usage)) => usages(usage.value),
            _ => Vec::new(),
        },
    })
}

fn name(name: &X509Name<'_>) -> String {
    short(&escape_text(&name.to_string()))
}

/// No certificate makes a line of a log endless.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(500) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn time(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    if seconds < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) }
        .unwrap_or(epoch)
}

fn key(key: &SubjectPublicKeyInfo<'_>) -> (String, u32) {
    let algorithm = &key.algorithm.algorithm;
    if *algorithm == OID_SIG_ED25519 {
        return ("Ed25519".to_owned(), 256);
    }
    if *algorithm == OID_PKCS1_RSAENCRYPTION {
        let bits = match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => u32::try_from(rsa.key_size()).unwrap_or(0),
            _ => 0,
        };
        return ("RSA".to_owned(), bits);
    }
    let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    match curve.filter(|_| *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY) {
        Some(curve) if curve == OID_EC_P256 => ("P-256".to_owned(), 256),
        Some(curve) if curve == OID_NIST_EC_P384 => ("P-384".to_owned(), 384),
        Some(curve) if curve == OID_NIST_EC_P521 => ("P-521".to_owned(), 521),
        Some(curve) => (curve.to_id_string(), 0),
        None => (algorithm.to_id_string(), 0),
    }
}

fn usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let known = [
        (usage.server_auth, "server"),
        (usage.client_auth, "client"),
        (usage.any, "any"),
        (usage.code_signing, "code-signing"),
        (usage.email_protection, "e-mail"),
        (usage.time_stamping, "time-stamping"),
        (usage.ocsp_signing, "ocsp-signing"),
    ];
    let known = known.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned());
    known.chain(usage.other.iter().take(16).map(|oid| oid.to_id_string())).collect()
}
