//! What a certificate says, and how a key signs it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};
use rpcplugin_core::SecurityError;
use rustls::{SignatureScheme, sign::SigningKey};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_parser::{
    oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519},
    prelude::FromDer as _,
    x509::SubjectPublicKeyInfo,
};

use super::{IdentityParams, San, Usage};
use crate::{Certificate, Provider};

/// Makes a certificate of version 3, no authority.
pub(super) fn self_signed(
    params: &IdentityParams,
    key: Arc<dyn SigningKey>,
) -> Result<Certificate, SecurityError> {
    let signer = Signer::new(key)?;
    let certificate = template(params, &signer)?
        .self_signed(&signer)
        .map_err(|error| keygen(error.to_string()))?;
    Certificate::from_der(certificate.der())
}

/// What the parameters ask for; an authority may still shorten its life.
pub(crate) fn template(
    params: &IdentityParams,
    key: &Signer,
) -> Result<CertificateParams, SecurityError> {
    let mut template = CertificateParams::default();
    template.distinguished_name = subject(&params.organization, &params.common_name);
    template.subject_alt_names =
        params.names.iter().map(subject_alt_name).collect::<Result<_, _>>()?;
    (template.not_before, template.not_after) =
        dates(params.now(), params.backdate, params.lifetime)?;
    template.serial_number = Some(serial(&params.provider)?);
    template.is_ca = IsCa::ExplicitNoCa;
    template.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    template.extended_key_usages = match params.usage {
        Usage::Both => {
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth]
        }
        Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
    };
    template.key_identifier_method = key.identifier();
    Ok(template)
}

pub(crate) fn subject(organization: &str, common_name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if !organization.is_empty() {
        subject.push(DnType::OrganizationName, organization);
    }
    subject.push(DnType::CommonName, common_name);
    subject
}

/// From when until when, both counted from `now`.
pub(crate) fn dates(
    now: SystemTime,
    backdate: Duration,
    lifetime: Duration,
) -> Result<(OffsetDateTime, OffsetDateTime), SecurityError> {
    let now = OffsetDateTime::from(now);
    let out_of_range = || invalid("its dates are out of range");
    let backdate = time::Duration::try_from(backdate).map_err(|_| out_of_range())?;
    let lifetime = time::Duration::try_from(lifetime).map_err(|_| out_of_range())?;
    Ok((
        now.checked_sub(backdate).ok_or_else(out_of_range)?,
        now.checked_add(lifetime).ok_or_else(out_of_range)?,
    ))
}

fn subject_alt_name(name: &San) -> Result<SanType, SecurityError> {
    Ok(match name {
        San::Dns(name) => SanType::DnsName(
            name.as_str().try_into().map_err(|_| invalid("a DNS name that is not ASCII"))?,
        ),
        San::Ip(address) => SanType::IpAddress(*address),
        San::Uri(uri) => {
            SanType::URI(uri.as_str().try_into().map_err(|_| invalid("a URI that is not ASCII"))?)
        }
    })
}

/// 127 random bits: 16 bytes without the sign.
pub(crate) fn serial(provider: &Provider) -> Result<SerialNumber, SecurityError> {
    let mut bytes = [0; 16];
    provider
        .crypto()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| keygen("no random numbers".into()))?;
    bytes[0] &= 0x7f;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Lends rcgen the key that will also sign handshakes, so that rcgen's own choice of a provider,
/// which other crates in a build may change, does not matter.
pub(crate) struct Signer {
    key: Arc<dyn SigningKey>,
    point: Vec<u8>,
    scheme: SignatureScheme,
    algorithm: &'static SignatureAlgorithm,
}

impl Signer {
    pub(crate) fn new(key: Arc<dyn SigningKey>) -> Result<Self, SecurityError> {
        let info = key
            .public_key()
            .ok_or_else(|| keygen("the provider does not tell the public key".into()))?;
        let (_, info) = SubjectPublicKeyInfo::from_der(&info)
            .map_err(|_| keygen("the provider tells no public key".into()))?;
        let (scheme, algorithm) = kind(&info)?;
        let point = info.subject_public_key.data.to_vec();
        Ok(Self { key, point, scheme, algorithm })
    }

    /// A name for the key, as RFC 7093 wants it made.
    pub(crate) fn identifier(&self) -> KeyIdMethod {
        KeyIdMethod::PreSpecified(Sha256::digest(&self.point)[..20].to_vec())
    }
}

/// How a key signs certificates.
fn kind(
    key: &SubjectPublicKeyInfo<'_>,
) -> Result<(SignatureScheme, &'static SignatureAlgorithm), SecurityError> {
    let algorithm = &key.algorithm.algorithm;
    if *algorithm == OID_SIG_ED25519 {
        return Ok((SignatureScheme::ED25519, &rcgen::PKCS_ED25519));
    }
    if *algorithm == OID_PKCS1_RSAENCRYPTION {
        return Ok((SignatureScheme::RSA_PKCS1_SHA256, &rcgen::PKCS_RSA_SHA256));
    }
    match key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()) {
        Some(curve) if curve == OID_EC_P256 => {
            Ok((SignatureScheme::ECDSA_NISTP256_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256))
        }
        Some(curve) if curve == OID_NIST_EC_P384 => {
            Ok((SignatureScheme::ECDSA_NISTP384_SHA384, &rcgen::PKCS_ECDSA_P384_SHA384))
        }
        #[cfg(feature = "aws-lc-rs")]
        Some(curve) if curve == x509_parser::oid_registry::OID_NIST_EC_P521 => {
            Ok((SignatureScheme::ECDSA_NISTP521_SHA512, &rcgen::PKCS_ECDSA_P521_SHA512))
        }
        _ => Err(invalid("a key of this kind signs no certificates here")),
    }
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl rcgen::SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key
            .choose_scheme(&[self.scheme])
            .and_then(|signer| signer.sign(message).ok())
            .ok_or(rcgen::Error::RemoteKeyError)
    }
}

pub(crate) fn invalid(reason: &str) -> SecurityError {
    SecurityError::CertInvalid { reason: reason.into() }
}

pub(crate) fn keygen(reason: String) -> SecurityError {
    SecurityError::Keygen { reason }
}
