//! Whose certificates may stand at the top of a chain.

use std::{fs, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose};

use crate::{
    AuthorityParams, CertAuthority, Certificate, ClientTls, CustomTls, Identity, IdentityParams,
    Roots, ServerTls, TlsAcceptor, TlsLayer, TlsVersion, Verification, certificate::to_pem,
    tests::peers,
};

fn root() -> CertAuthority {
    CertAuthority::create(&AuthorityParams::new("root")).unwrap()
}

/// A self-signed authority after a change, as PEM.
fn changed(change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    to_pem("CERTIFICATE", params.self_signed(&key).unwrap().der())
}

#[track_caller]
fn refused(roots: Result<Roots, rpcplugin_core::SecurityError>, code: &str, words: &str) {
    let error = roots.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_certificate_that_was_issued_to_somebody_is_no_authority() {
    let root = root();
    let leaf = root.issue(&IdentityParams::issued("kv")).unwrap();
    let bundle = root.chain_pem() + &leaf.chain_pem();
    refused(Roots::from_pem(bundle.as_bytes()), "SECURITY_CERT_INVALID", "CA is false");
    refused(Roots::of([leaf.certificate()]), "SECURITY_CERT_INVALID", "CA is false");
    // One that nobody else vouches for stands for itself.
    let alone = Identity::generate(&IdentityParams::new()).unwrap();
    assert_eq!(Roots::of([alone.certificate()]).unwrap().count(), 1);
}

#[test]
fn an_authority_that_may_sign_no_certificates_is_none() {
    let pem = changed(|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
    refused(Roots::from_pem(pem.as_bytes()), "SECURITY_CERT_INVALID", "key usage");
}

#[test]
fn roots_that_have_expired_are_left_out() {
    let past = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let old = changed(past);
    refused(Roots::from_pem(old.as_bytes()), "SECURITY_CERT_INVALID", "expired");
    let bundle = old + &root().chain_pem();
    assert_eq!(Roots::from_pem(bundle.as_bytes()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn roots_that_anybody_can_change_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.crt");
    fs::write(&path, root().chain_pem()).unwrap();
    let chmod = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    chmod(0o646);
    refused(Roots::load(path.as_path()), "SECURITY_FILE_PERMISSIONS", "0646");
    chmod(0o644);
    Roots::load(path.as_path()).unwrap();
}

#[test]
fn an_intermediate_named_like_its_root_stays_in_the_chain() {
    let root = root();
    let middle = root.intermediate(&AuthorityParams::new("root")).unwrap();
    let leaf = middle.issue(&IdentityParams::issued("kv")).unwrap();
    let chain = Certificate::chain_from_pem(leaf.chain_pem().as_bytes()).unwrap();
    assert_eq!(chain.len(), 2);
    Verification::new(&root.roots().unwrap()).check(&chain).unwrap();
}

#[test]
fn a_chain_whose_links_do_not_hold_is_no_authority() {
    let (root, other) = (root(), self::root());
    let middle = root.intermediate(&AuthorityParams::new("middle")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let [certificates, key] = ["ca.crt", "ca.key"].map(|name| directory.path().join(name));
    middle.save(&certificates, &key).unwrap();
    let load = || CertAuthority::load(certificates.as_path(), key.as_path());
    load().unwrap();
    // Of the same name, but not the one that signed it.
    let itself = middle.certificate().to_pem();
    fs::write(&certificates, itself + &other.chain_pem()).unwrap();
    let error = load().unwrap_err();
    assert_eq!(error.code(), "SECURITY_CERT_INVALID");
    assert!(error.to_string().contains("was not issued by the next"), "{error}");
}

#[tokio::test]
async fn the_oldest_version_holds_for_certificates_of_an_operator_too() {
    let root = root();
    let identity = root.issue(&IdentityParams::issued("kv")).unwrap();
    let tls = CustomTls::new(identity.clone(), root.roots().unwrap());
    let old = peers::Peer::of(&identity).versions(peers::VERSIONS[0]);
    let limit = Duration::from_secs(60);
    for (asked, wanted) in [(TlsVersion::Tls12, true), (TlsVersion::Tls13, false)] {
        let server = ServerTls::custom(&tls).unwrap().min_version(asked).unwrap();
        let (near, far) = peers::pipe();
        let acceptor = TlsAcceptor::new(server);
        let both = async { tokio::join!(old.call(near), peers::serve(&acceptor, far)) };
        let (_, served) = tokio::time::timeout(limit, both).await.unwrap();
        assert_eq!(served.is_ok(), wanted);
        let layer = TlsLayer::new(ClientTls::custom(&tls).unwrap().min_version(asked).unwrap());
        let (near, far) = peers::pipe();
        let dial = async { peers::dial(&layer, near).await.map(drop) };
        let both = async { tokio::join!(dial, old.serve(far)) };
        let (dialled, _) = tokio::time::timeout(limit, both).await.unwrap();
        assert_eq!(dialled.is_ok(), wanted);
    }
    // What the operator asked for is not lowered.
    let newest = tls.min_version(TlsVersion::Tls13);
    let server = ServerTls::custom(&newest).unwrap().min_version(TlsVersion::Tls12).unwrap();
    let (near, far) = peers::pipe();
    let acceptor = TlsAcceptor::new(server);
    let both = async { tokio::join!(old.call(near), peers::serve(&acceptor, far)) };
    assert!(tokio::time::timeout(limit, both).await.unwrap().1.is_err());
}
