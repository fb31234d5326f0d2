//! Authorities that revoke.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};

use crate::{CertAuthority, Crls, Identity, certificate::to_pem};

/// An authority that can revoke.
pub(super) struct Revoking {
    pub(super) authority: CertAuthority,
    issuer: Issuer<'static, KeyPair>,
}

impl Revoking {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap();
        let [certificate, pem] =
            [to_pem("CERTIFICATE", certificate.der()), to_pem("PRIVATE KEY", &key.serialize_der())];
        let authority = CertAuthority::from_pem(certificate.as_bytes(), pem.as_bytes()).unwrap();
        Self { authority, issuer: Issuer::new(params, key) }
    }

    pub(super) fn list(&self, revoked: &[&Identity], next_update: time::OffsetDateTime) -> Crls {
        Crls::from_pem(self.pem(revoked, next_update).as_bytes()).unwrap()
    }

    /// The same as text.
    pub(super) fn pem(&self, revoked: &[&Identity], next_update: time::OffsetDateTime) -> String {
        let revoked = revoked.iter().map(|identity| {
            let der = identity.certificate().der();
            let serial = crate::x509::parse(der).unwrap().raw_serial().to_vec();
            RevokedCertParams {
                serial_number: SerialNumber::from_slice(&serial),
                revocation_time: rcgen::date_time_ymd(2020, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }
        });
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update,
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).unwrap();
        to_pem("X509 CRL", list.der())
    }
}
