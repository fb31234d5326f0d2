//! Reading what a certificate says; nothing here judges it.

use std::net::IpAddr;

use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    prelude::{FromDer as _, X509Certificate},
};

use crate::San;

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

/// What an authority calls its key, so that what it issues can point to it.
pub(crate) fn key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    })
}
