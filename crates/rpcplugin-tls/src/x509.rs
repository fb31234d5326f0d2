//! Reading what a certificate says; nothing here judges it.

use std::net::IpAddr;

use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    prelude::{FromDer as _, X509Certificate},
};

use crate::{Provider, San};

pub(crate) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(certificate),
        _ => None,
    }
}

/// The names that a certificate is for, of the kinds that are known here.
pub(crate) fn names(der: &[u8]) -> Vec<San> {
    parse(der).map(|certificate| names_of(&certificate)).unwrap_or_default()
}

pub(crate) fn names_of(certificate: &X509Certificate<'_>) -> Vec<San> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let known = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(San::Dns((*name).to_owned())),
        GeneralName::URI(uri) => Some(San::Uri((*uri).to_owned())),
        GeneralName::IPAddress(bytes) => address(bytes).map(San::Ip),
        _ => None,
    });
    known.collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Whether it is an authority's that may sign certificates; if not, why.
pub(crate) fn may_issue(certificate: &X509Certificate<'_>) -> Result<(), &'static str> {
    if !certificate.is_ca() {
        return Err("it is no authority's (CA is false)");
    }
    let may_sign = match certificate.key_usage() {
        Ok(Some(usage)) => usage.value.key_cert_sign(),
        Ok(None) => true,
        Err(_) => false,
    };
    if may_sign { Ok(()) } else { Err("its key usage lets it sign no certificates") }
}

/// Whether a certificate names the other as its issuer, and the other's key signed it: by one of
/// the algorithms that TLS accepts here.
pub(crate) fn is_issued_by(certificate: &X509Certificate<'_>, other: &X509Certificate<'_>) -> bool {
    let key = &other.public_key().subject_public_key.data;
    let (message, signature) =
        (certificate.tbs_certificate.as_ref(), &certificate.signature_value.data);
    certificate.issuer().as_raw() == other.subject().as_raw()
        && Provider::default().crypto().signature_verification_algorithms.all.iter().any(
            // Those for other kinds of keys do not take it.
            |algorithm| algorithm.verify_signature(key, message, signature).is_ok(),
        )
}

/// What an authority calls its key, so that what it issues can point to it.
pub(crate) fn key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    })
}
