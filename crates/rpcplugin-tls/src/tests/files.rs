//! Certificates and keys in files.

use std::{fs, path::Path};

use crate::{
    AuthorityParams, CertAuthority, Identity, IdentityParams, PemSource, Roots, certificate::to_pem,
};

#[track_caller]
fn refused(loaded: Result<Identity, rpcplugin_core::SecurityError>, code: &str, words: &str) {
    let error = loaded.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_identity_is_the_same_after_its_files() {
    let directory = tempfile::tempdir().unwrap();
    let [certificates, key] = ["kv.crt", "kv.key"].map(|name| directory.path().join(name));
    let root = CertAuthority::create(&AuthorityParams::new("root")).unwrap();
    let issuing = root.intermediate(&AuthorityParams::new("issuing")).unwrap();
    let before = issuing.issue(&IdentityParams::issued("kv")).unwrap();
    before.save(&certificates, &key).unwrap();
    let url = format!("file://{}", key.display());
    let after = Identity::load(certificates.as_path(), url.as_str()).unwrap();
    assert_eq!(after.to_secret_pem().expose(), before.to_secret_pem().expose());
    let inline = Identity::load(before.chain_pem().as_str(), key.as_path()).unwrap();
    assert_eq!(inline.chain_pem(), before.chain_pem());
    // Nothing is left beside the two.
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    let roots = Roots::load(root.chain_pem().as_str()).unwrap();
    assert_eq!(roots.count(), 1);
}

#[cfg(unix)]
#[test]
fn keys_are_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("a/b");
    let [certificates, key] = ["kv.crt", "kv.key"].map(|name| inner.join(name));
    let identity = Identity::generate(&IdentityParams::new()).unwrap();
    identity.save(&certificates, &key).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&inner), mode(&key)), (0o700, 0o600));
    for (readable, code) in [(0o640, "0640"), (0o604, "0604"), (0o660, "0660")] {
        chmod(&key, readable);
        let loaded = Identity::load(certificates.as_path(), key.as_path());
        refused(loaded, "SECURITY_FILE_PERMISSIONS", code);
    }
    chmod(&key, 0o400);
    Identity::load(certificates.as_path(), key.as_path()).unwrap();
    chmod(&inner, 0o770);
    let error = identity.save(&certificates, &key).unwrap_err();
    assert_eq!(error.code(), "SECURITY_FILE_PERMISSIONS");
    chmod(&inner, 0o700);
    identity.save(&certificates, &key).unwrap();
}

#[test]
fn what_cannot_be_loaded_says_which_file_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let [certificates, key] = ["kv.crt", "kv.key"].map(|name| directory.path().join(name));
    let (one, other) = (
        Identity::generate(&IdentityParams::new()).unwrap(),
        Identity::generate(&IdentityParams::new()).unwrap(),
    );
    let load = || Identity::load(certificates.as_path(), key.as_path());
    refused(load(), "SECURITY_CERT_INVALID", "kv.crt");
    one.save(&certificates, &key).unwrap();
    fs::write(&certificates, other.chain_pem()).unwrap();
    refused(load(), "SECURITY_CERT_INVALID", "does not belong to its key");
    one.save(&certificates, &key).unwrap();
    fs::write(&key, to_pem("ENCRYPTED PRIVATE KEY", &[1; 200])).unwrap();
    refused(load(), "SECURITY_CERT_INVALID", "its key is encrypted");
    fs::write(&key, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n").unwrap();
    refused(load(), "SECURITY_CERT_INVALID", "its key is encrypted");
    fs::write(&key, to_pem("PRIVATE KEY", b"no key")).unwrap();
    refused(load(), "SECURITY_CERT_INVALID", "its key");
    fs::remove_file(&key).unwrap();
    fs::create_dir(&key).unwrap();
    refused(load(), "SECURITY_CERT_INVALID", "is no file");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_key_delays_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("kv.key");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let chain = Identity::generate(&IdentityParams::new()).unwrap().chain_pem();
    let loaded = Identity::load(chain.as_str(), fifo.as_path());
    refused(loaded, "SECURITY_CERT_INVALID", "is no file");
}

#[test]
fn sources_are_text_or_urls_or_paths() {
    let path = |text: &str| PemSource::from(text).path().map(Path::to_owned);
    assert_eq!(path("-----BEGIN PRIVATE KEY-----"), None);
    assert_eq!(path("certificates/ca.crt"), Some("certificates/ca.crt".into()));
    #[cfg(unix)]
    for (url, expected) in [
        ("file:///a%20b/c", "/a b/c"),
        ("file://localhost/a", "/a"),
        ("file:///a%2", "/a%2"),
        ("file:///a%zz", "/a%zz"),
        ("file:///a%+1", "/a%+1"),
    ] {
        assert_eq!(path(url), Some(expected.into()), "{url}");
    }
}

#[test]
fn what_a_killed_writer_left_goes_with_the_next_write() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let hour = std::time::Duration::from_secs(60 * 60);
    let old = std::time::SystemTime::now() - hour;
    let names = [
        (".kv.key.0123456789abcdef", true, false),
        (".kv.key.fedcba9876543210", false, true),
        (".other.key.0123456789abcdef", true, true),
        (".kv.key.of-somebody-else", true, true),
    ];
    for (name, is_old, _) in names {
        let file = fs::File::create(at(name)).unwrap();
        if is_old {
            file.set_modified(old).unwrap();
        }
    }
    let identity = Identity::generate(&IdentityParams::new()).unwrap();
    identity.save(at("kv.crt"), at("kv.key")).unwrap();
    for (name, _, stays) in names {
        assert_eq!(at(name).exists(), stays, "{name}");
    }
}
