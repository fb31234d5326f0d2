//! The certificate that a new key signs for itself.

use std::sync::Arc;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};
use rpcplugin_core::SecurityError;
use rustls::{SignatureScheme, sign::SigningKey};
use time::OffsetDateTime;
use x509_parser::{prelude::FromDer as _, x509::SubjectPublicKeyInfo};

use super::{IdentityParams, San};
use crate::{Certificate, KeyType};

/// Makes a certificate of version 3, no authority, for both roles.
pub(super) fn self_signed(
    params: &IdentityParams,
    key: Arc<dyn SigningKey>,
) -> Result<Certificate, SecurityError> {
    let signer = Signer::new(params.key_type, key)?;
    let certificate =
        template(params)?.self_signed(&signer).map_err(|error| keygen(error.to_string()))?;
    Certificate::from_der(certificate.der())
}

fn template(params: &IdentityParams) -> Result<CertificateParams, SecurityError> {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, &params.organization);
    subject.push(DnType::CommonName, &params.common_name);

    let now = OffsetDateTime::now_utc();
    let beyond = |_| invalid("its dates are out of range");
    let backdate = time::Duration::try_from(params.backdate).map_err(beyond)?;
    let lifetime = time::Duration::try_from(params.lifetime).map_err(beyond)?;

    let mut template = CertificateParams::default();
    template.distinguished_name = subject;
    template.subject_alt_names =
        params.names.iter().map(subject_alt_name).collect::<Result<_, _>>()?;
    template.not_before =
        now.checked_sub(backdate).ok_or_else(|| invalid("its dates are out of range"))?;
    template.not_after =
        now.checked_add(lifetime).ok_or_else(|| invalid("its dates are out of range"))?;
    template.serial_number = Some(serial(params)?);
    template.is_ca = IsCa::ExplicitNoCa;
    template.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    template.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    Ok(template)
}

fn subject_alt_name(name: &San) -> Result<SanType, SecurityError> {
    Ok(match name {
        San::Dns(name) => SanType::DnsName(
            name.as_str().try_into().map_err(|_| invalid("a DNS name that is not ASCII"))?,
        ),
        San::Ip(address) => SanType::IpAddress(*address),
    })
}

/// 127 random bits: 16 bytes without the sign.
fn serial(params: &IdentityParams) -> Result<SerialNumber, SecurityError> {
    let mut bytes = [0; 16];
    params
        .provider
        .crypto()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| keygen("no random numbers".into()))?;
    bytes[0] &= 0x7f;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Lends rcgen the key that will also sign handshakes, so that rcgen's own choice of a provider,
/// which other crates in a build may change, does not matter.
struct Signer {
    key: Arc<dyn SigningKey>,
    point: Vec<u8>,
    scheme: SignatureScheme,
    algorithm: &'static SignatureAlgorithm,
}

impl Signer {
    fn new(kind: KeyType, key: Arc<dyn SigningKey>) -> Result<Self, SecurityError> {
        let algorithm = match kind {
            KeyType::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyType::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyType::Ed25519 => &rcgen::PKCS_ED25519,
            #[cfg(feature = "aws-lc-rs")]
            KeyType::P521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            #[cfg(not(feature = "aws-lc-rs"))]
            KeyType::P521 => return Err(invalid("P-521 needs the feature aws-lc-rs")),
        };
        let point = key
            .public_key()
            .and_then(|info| {
                let (_, info) = SubjectPublicKeyInfo::from_der(&info).ok()?;
                Some(info.subject_public_key.data.to_vec())
            })
            .ok_or_else(|| keygen("the provider does not tell the public key".into()))?;
        Ok(Self { key, point, scheme: kind.scheme(), algorithm })
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

fn invalid(reason: &str) -> SecurityError {
    SecurityError::CertInvalid { reason: reason.into() }
}

fn keygen(reason: String) -> SecurityError {
    SecurityError::Keygen { reason }
}
