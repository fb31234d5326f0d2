use std::{collections::HashSet, time::Duration};

use time::OffsetDateTime;
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer as _, X509Certificate},
};

use super::peers::{acceptor, identity, layer};
use crate::{Identity, IdentityParams, KeyType, Provider, San};

#[test]
fn a_one_time_certificate_has_the_agreed_shape() {
    let identity = identity(KeyType::P256);
    let (_, certificate) = X509Certificate::from_der(identity.certificate().der()).unwrap();
    assert_eq!(certificate.version().0, 2, "version 3");
    assert_eq!(certificate.subject().to_string(), "O=rpcplugin, CN=localhost");
    assert_eq!(certificate.subject(), certificate.issuer());
    assert_eq!(certificate.signature_algorithm.algorithm.to_string(), "1.2.840.10045.4.3.2");

    let basic = certificate.basic_constraints().unwrap().unwrap();
    assert!(basic.critical && !basic.value.ca);
    let usage = certificate.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.flags == 1, "digital signature alone");
    let extended = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.client_auth && extended.server_auth && !extended.any);
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(names, &[GeneralName::DNSName("localhost")]);

    let now = OffsetDateTime::now_utc().unix_timestamp();
    let validity = certificate.validity();
    assert!((now - validity.not_before.timestamp() - 24 * 3600).abs() < 60);
    assert!((validity.not_after.timestamp() - now - 3652 * 24 * 3600).abs() < 60);

    let serial = certificate.raw_serial();
    assert!(serial.len() <= 16 && serial[0] < 0x80, "positive, 127 bits at most");
}

#[test]
fn every_setting_shows_in_the_certificate() {
    let params = IdentityParams::new()
        .organization("Example")
        .common_name("kv")
        .names([San::Dns("kv.example".into()), San::Ip("::1".parse().unwrap())])
        .backdate(Duration::ZERO)
        .lifetime(Duration::from_secs(40 * 365 * 24 * 3600))
        .key_type(KeyType::Ed25519);
    let identity = Identity::generate(&params).unwrap();
    let (_, certificate) = X509Certificate::from_der(identity.certificate().der()).unwrap();
    assert_eq!(certificate.subject().to_string(), "O=Example, CN=kv");
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    let mut address = [0; 16];
    address[15] = 1;
    assert_eq!(names, &[GeneralName::DNSName("kv.example"), GeneralName::IPAddress(&address)]);
    assert!(certificate.validity().not_after.is_generalizedtime(), "beyond 2049");
}

#[test]
fn what_makes_no_certificate_is_refused() {
    let forever = Duration::MAX;
    for params in [
        IdentityParams::new().key_type(KeyType::P521),
        IdentityParams::new().names([San::Dns("münchen".into())]),
        IdentityParams::new().lifetime(forever),
        IdentityParams::new().backdate(forever),
        IdentityParams::new().lifetime(Duration::from_secs(9000 * 365 * 24 * 3600)),
    ] {
        let error = Identity::generate(&params).unwrap_err();
        assert_eq!(error.code(), "SECURITY_CERT_INVALID", "{params:?}: {error}");
    }
}

#[test]
fn keys_and_serials_are_fresh() {
    let mut keys = HashSet::new();
    let mut serials = HashSet::new();
    for _ in 0..200 {
        let identity = identity(KeyType::P256);
        let (_, certificate) = X509Certificate::from_der(identity.certificate().der()).unwrap();
        assert!(keys.insert(identity.key_bytes().to_vec()));
        assert!(serials.insert(certificate.raw_serial().to_vec()));
    }
}

#[test]
fn no_debug_shows_the_key() {
    let identity = identity(KeyType::P256);
    let params = IdentityParams::new();
    let layer = layer(&identity, identity.certificate());
    let acceptor = acceptor(&identity, identity.certificate());
    let shown = [
        format!("{identity:?} {identity:#?}"),
        format!("{params:?} {:?}", identity.certificate()),
        format!("{layer:?} {layer:#?}"),
        format!("{acceptor:?} {acceptor:#?}"),
    ];
    // Any eight bytes of the key, as a list of numbers or in hexadecimal.
    for bytes in identity.key_bytes().windows(8).skip(identity.key_bytes().len() / 4) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{bytes:?}");
        for text in &shown {
            assert!(!text.contains(&hex) && !text.contains(list.trim_matches(['[', ']'])));
        }
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (one, other) = (identity(KeyType::P256), identity(KeyType::P256));
    let mixed = one.with_key_of(&other);
    let error = crate::ClientTls::pinned(&mixed, one.certificate()).unwrap_err();
    assert_eq!(error.code(), "SECURITY_CERT_INVALID");
    assert!(error.to_string().contains("KeyMismatch"), "{error}");
    crate::ServerTls::pinned(&mixed, one.certificate()).unwrap_err();
}

#[test]
fn a_key_type_that_the_provider_lacks_is_an_error_of_the_settings() {
    for kind in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
        Provider::Ring.check(kind).unwrap();
    }
    let error = Provider::Ring.check(KeyType::P521).unwrap_err();
    #[cfg(not(feature = "aws-lc-rs"))]
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (
            "CONFIG_NOT_BUILT",
            r#"cert_key_type P521 needs the feature "aws-lc-rs", which this build lacks"#
        )
    );
    #[cfg(feature = "aws-lc-rs")]
    {
        assert_eq!(error.code(), "CONFIG_INVALID");
        assert!(error.to_string().contains("provider(Provider::AwsLcRs)"), "{error}");
        Provider::AwsLcRs.check(KeyType::P521).unwrap();
    }
}
