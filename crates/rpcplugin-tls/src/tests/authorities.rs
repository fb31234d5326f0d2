//! What authorities issue, and what is said of it.

use std::time::{Duration, SystemTime};

use crate::{
    AuthorityParams, CertAuthority, CertInfo, Certificate, Identity, IdentityParams, KeyType, San,
    Usage, Verification, x509,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn root() -> CertAuthority {
    CertAuthority::create(&AuthorityParams::new("root")).unwrap()
}

fn chain(identity: &Identity) -> Vec<Certificate> {
    Certificate::chain_from_pem(identity.chain_pem().as_bytes()).unwrap()
}

#[track_caller]
fn refused(checked: Result<(), rpcplugin_core::SecurityError>, code: &str) {
    assert_eq!(checked.unwrap_err().code(), code);
}

#[test]
fn what_is_issued_says_what_was_asked_for() {
    let names = [
        San::Dns("kv.internal".into()),
        San::Ip([192, 0, 2, 7].into()),
        San::Ip("2001:db8::7".parse().unwrap()),
        San::Uri("spiffe://example.org/kv".into()),
    ];
    let root = root();
    for (key_type, shown, bits) in [
        (KeyType::P256, "P-256", 256),
        (KeyType::P384, "P-384", 384),
        (KeyType::Ed25519, "Ed25519", 256),
    ] {
        let params = IdentityParams::issued("kv").names(names.clone()).key_type(key_type);
        let issued = root.issue(&params.validity_days(30).usage(Usage::Server)).unwrap();
        let info = CertInfo::of(issued.certificate());
        assert_eq!(info.subject, "O=rpcplugin, CN=kv");
        assert_eq!(info.issuer, "O=rpcplugin, CN=root");
        assert_eq!(info.names, names);
        assert_eq!((info.key_type.as_str(), info.key_bits), (shown, bits));
        assert_eq!(info.usages, ["server"]);
        assert!(!info.is_authority);
        let left = info.time_left(SystemTime::now()).unwrap();
        assert!(left > 29 * DAY && left <= 30 * DAY, "{left:?}");
        assert!(info.is_valid_at(SystemTime::now()));
        assert_eq!(info.time_left(SystemTime::now() + 31 * DAY), None);
    }
    let info = CertInfo::of(root.certificate());
    assert!(info.is_authority && info.path_length.is_none() && info.usages.is_empty());
}

#[test]
fn serial_numbers_are_random_and_keys_are_pointed_to() {
    let root = root();
    let issued: Vec<_> =
        (0..20).map(|_| root.issue(&IdentityParams::issued("kv")).unwrap()).collect();
    let serials: std::collections::HashSet<_> =
        issued.iter().map(|issued| CertInfo::of(issued.certificate()).serial).collect();
    assert_eq!(serials.len(), 20);
    let authority = x509::parse(root.certificate().der()).unwrap();
    let leaf = x509::parse(issued[0].certificate().der()).unwrap();
    let above = x509::key_identifier(&authority).unwrap();
    assert_eq!(above.len(), 20);
    assert_ne!(x509::key_identifier(&leaf).unwrap(), above);
    let points_to = leaf.iter_extensions().find_map(|extension| {
        use x509_parser::extensions::ParsedExtension;
        match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                identifier.key_identifier.as_ref().map(|identifier| identifier.0.to_vec())
            }
            _ => None,
        }
    });
    assert_eq!(points_to, Some(above));
}

#[test]
fn a_chain_through_intermediates_verifies_and_names_the_root_only_as_trusted() {
    let root = root();
    let middle = root.intermediate(&AuthorityParams::new("middle")).unwrap();
    let issuing = middle.intermediate(&AuthorityParams::new("issuing").path_length(0)).unwrap();
    let leaf = issuing.issue(&IdentityParams::issued("kv")).unwrap();
    let whole = chain(&leaf);
    assert_eq!(whole.len(), 3);
    let roots = issuing.roots().unwrap();
    let localhost = San::Dns("localhost".into());
    Verification::new(&roots).name(&localhost).check(&whole).unwrap();
    refused(Verification::new(&roots).check(&whole[..1]), "SECURITY_CERT_UNTRUSTED");
    refused(Verification::new(&roots).check(&[]), "SECURITY_CERT_INVALID");
    let error = issuing.intermediate(&AuthorityParams::new("too deep")).unwrap_err();
    assert_eq!(error.code(), "SECURITY_CERT_INVALID");
}

#[test]
fn a_check_tells_why_a_chain_is_not_trusted() {
    let root = root();
    let roots = root.roots().unwrap();
    let params = IdentityParams::issued("kv").validity_days(10).usage(Usage::Client);
    let leaf = chain(&root.issue(&params).unwrap());
    let check = Verification::new(&roots).usage(Usage::Client);
    check.check(&leaf).unwrap();
    let now = SystemTime::now();
    refused(check.clone().at(now + 11 * DAY).check(&leaf), "SECURITY_CERT_EXPIRED");
    refused(check.clone().at(now - 3 * DAY).check(&leaf), "SECURITY_CERT_EXPIRED");
    refused(check.clone().usage(Usage::Server).check(&leaf), "SECURITY_CERT_UNTRUSTED");
    let (other, address) = (San::Dns("other".into()), San::Ip([127, 0, 0, 1].into()));
    refused(check.clone().name(&other).check(&leaf), "SECURITY_CERT_UNTRUSTED");
    refused(check.clone().name(&address).check(&leaf), "SECURITY_CERT_UNTRUSTED");
    let stranger = self::root().roots().unwrap();
    refused(Verification::new(&stranger).check(&leaf), "SECURITY_CERT_UNTRUSTED");
    check.check(&leaf).unwrap();
    Verification::new(&stranger.and(&roots)).usage(Usage::Client).check(&leaf).unwrap();
}

#[test]
fn nothing_outlives_its_authority() {
    let root = CertAuthority::create(&AuthorityParams::new("short").validity_days(5)).unwrap();
    let leaf = root.issue(&IdentityParams::issued("kv").backdate(99 * DAY)).unwrap();
    let (above, below) = (CertInfo::of(root.certificate()), CertInfo::of(leaf.certificate()));
    assert_eq!(below.not_after, above.not_after);
    assert_eq!(below.not_before, above.not_before);
}

#[test]
fn an_authority_survives_its_files_and_issues_under_the_same_root() {
    let directory = tempfile::tempdir().unwrap();
    let [certificate, key] =
        ["ca.crt", "ca.key"].map(|name| directory.path().join("pki/a").join(name));
    for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
        let params = AuthorityParams::new("issuing").key_type(key_type);
        let before = root().intermediate(&params).unwrap();
        before.save(&certificate, &key).unwrap();
        let after = CertAuthority::load(certificate.as_path(), key.as_path()).unwrap();
        assert_eq!(after.chain_pem(), before.chain_pem());
        let leaf = after.issue(&IdentityParams::issued("kv")).unwrap();
        Verification::new(&before.roots().unwrap()).check(&chain(&leaf)).unwrap();
    }
}

#[test]
fn what_is_no_authority_issues_nothing() {
    let root = root();
    let leaf = root.issue(&IdentityParams::issued("kv")).unwrap();
    let pem = leaf.to_secret_pem();
    let error =
        CertAuthority::from_pem(pem.expose().as_bytes(), pem.expose().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("CA is false"), "{error}");
    let error = CertAuthority::from_pem(root.chain_pem().as_bytes(), pem.expose().as_bytes());
    assert!(error.unwrap_err().to_string().contains("does not belong to its key"));
}

#[test]
fn what_a_stranger_wrote_into_a_certificate_acts_on_no_terminal() {
    let params =
        IdentityParams::new().common_name("\u{1b}[2J\n\u{202e}").organization("x".repeat(9999));
    let odd = Identity::generate(&params).unwrap();
    let info = CertInfo::of(odd.certificate());
    for text in [info.to_string(), info.to_json()] {
        assert!(
            !text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{text}"
        );
        assert!(text.len() < 3000, "{}", text.len());
    }
    let json: serde_json::Value = serde_json::from_str(&info.to_json()).unwrap();
    assert_eq!(json["names"][0], "dns:localhost");
    assert_eq!(json["fingerprint_sha256"], odd.certificate().fingerprint().to_string());
    assert_eq!(json["not_after"].as_str().unwrap().len(), "2031-04-05T06:07:08Z".len());
}

#[test]
fn a_successor_is_trusted_beside_its_predecessor() {
    let params = AuthorityParams::new("root").organization("kv").path_length(1);
    let old = CertAuthority::create(&params.key_type(KeyType::P384)).unwrap();
    let names = [San::Dns("kv.internal".into()), San::Uri("spiffe://example.org/kv".into())];
    let params = IdentityParams::issued("kv").names(names).usage(Usage::Server);
    let before = old.issue(&params.key_type(KeyType::Ed25519)).unwrap();

    let new = old.successor(30).unwrap();
    let again = IdentityParams::renewing(before.certificate()).unwrap();
    let after = new.issue(&again).unwrap();
    let roots = new.roots().unwrap();
    assert_eq!(roots.count(), 2);
    for identity in [&before, &after] {
        Verification::new(&roots).usage(Usage::Server).check(&chain(identity)).unwrap();
    }
    let only_old = old.roots().unwrap();
    refused(
        Verification::new(&only_old).usage(Usage::Server).check(&chain(&after)),
        "SECURITY_CERT_UNTRUSTED",
    );

    let [before, after] = [&before, &after].map(|one| CertInfo::of(one.certificate()));
    assert_eq!(
        (&before.subject, &before.names, &before.usages, &before.key_type),
        (&after.subject, &after.names, &after.usages, &after.key_type),
    );
    let [one, two] = [&old, &new].map(|one| CertInfo::of(one.certificate()));
    assert_eq!(
        (&one.subject, one.path_length, &one.key_type),
        (&two.subject, two.path_length, &two.key_type)
    );
    let left = two.time_left(SystemTime::now()).unwrap();
    assert!(left > 29 * DAY && left <= 30 * DAY, "{left:?}");

    // Of what came before the predecessor nothing is kept.
    assert_eq!(new.successor(30).unwrap().roots().unwrap().count(), 2);
    let below = old.intermediate(&AuthorityParams::new("below")).unwrap();
    let error = below.successor(30).unwrap_err();
    assert!(error.to_string().contains("renewed by the one above it"), "{error}");
}
