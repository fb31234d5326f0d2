//! Text that was meant to be a path, or a path that was meant to be text.

use std::path::Path;

use crate::{
    AuthorityParams, CertAuthority, CertManager, Identity, IdentityParams, PemSource, Roots,
};

/// A key as it stands in a PEM file, without the lines around it.
const KEY: &str = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA==";

fn chain() -> String {
    Identity::generate(&IdentityParams::new()).unwrap().chain_pem()
}

#[tokio::test]
async fn a_key_in_place_of_its_path_shows_nowhere() {
    let certificates = chain();
    let der = format!("{}{KEY}", "A".repeat(5000));
    let zero = format!("{KEY}\0");
    for key in [KEY, &der, &zero, &format!("{KEY}/{KEY}")] {
        let loaded = Identity::load(certificates.as_str(), key).unwrap_err();
        let authority = CertAuthority::load(certificates.as_str(), key).unwrap_err();
        let manager = CertManager::files(certificates.as_str(), key, certificates.as_str());
        let managed = manager.start().await.unwrap_err();
        let source = PemSource::from(key);
        for told in [
            format!("{loaded} {loaded:?}"),
            format!("{authority} {authority:?}"),
            format!("{managed} {managed:?}"),
            format!("{source:?}"),
        ] {
            assert!(!told.contains("c2Vjcm"), "{told}");
            assert!(told.contains("[redacted]"), "{told}");
        }
    }
}

#[test]
fn paths_are_shown_escaped() {
    let certificates = chain();
    let path = Path::new("missing\u{1b}[2J/kv.key");
    let error = Identity::load(certificates.as_str(), path).unwrap_err().to_string();
    assert!(error.contains("kv.key") && !error.contains('\u{1b}'), "{error}");
    let error = Roots::load("missing\u{1b}[2J/ca.crt").unwrap_err().to_string();
    assert!(error.contains("ca.crt") && !error.contains('\u{1b}'), "{error}");
    assert!(format!("{:?}", PemSource::from(Path::new("a/kv.key"))).contains("a/kv.key"));
}

#[test]
fn urls_of_other_hosts_and_without_a_whole_path_are_refused() {
    for url in ["file://etc/ca.crt", "file://localhostile/x", "file://ca.crt", "file://localhost"] {
        assert_eq!(PemSource::from(url).path(), None, "{url}");
        let error = Roots::load(url).unwrap_err();
        assert_eq!(error.code(), "SECURITY_CERT_INVALID");
        assert!(error.to_string().contains("file:///"), "{error}");
    }
}

#[test]
fn a_file_that_is_too_long_is_refused_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.crt");
    let root = CertAuthority::create(&AuthorityParams::new("root")).unwrap().chain_pem();
    std::fs::write(&path, root + &"\n".repeat(4 * 1024 * 1024)).unwrap();
    let error = Roots::load(path.as_path()).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}
