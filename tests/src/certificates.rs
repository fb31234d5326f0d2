//! Certificates in directories, for peers of every kind: `root.crt`, `between.crt` if there is an
//! intermediate authority, `crl.pem` if some were revoked, and for `plugin` and `host` each a
//! `.crt`, with the intermediate in it, and a `.key`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use rpcplugin::tls::{
    AuthorityParams, CertAuthority, Crls, CustomTls, Identity, IdentityParams, KeyType, Roots, San,
    Usage,
};

/// The kinds of key that need no other provider.
const KINDS: [(&str, KeyType); 3] =
    [("p256", KeyType::P256), ("p384", KeyType::P384), ("ed25519", KeyType::Ed25519)];

/// Issues certificates of each kind of key, under a root and under an intermediate: a directory
/// for each.
///
/// # Errors
///
/// If one cannot be issued or written.
pub fn issue(dir: &Path) -> Result<()> {
    for (kind, key_type) in KINDS {
        let params = |name| AuthorityParams::new(format!("{kind} {name}")).key_type(key_type);
        let root = CertAuthority::create(&params("root"))?;
        let between = root.intermediate(&params("issuing").path_length(0))?;
        for (authority, dir) in
            [(&root, dir.join(kind)), (&between, dir.join(format!("{kind}-between")))]
        {
            for (role, usage) in [("plugin", Usage::Server), ("host", Usage::Client)] {
                let params = IdentityParams::issued(role).usage(usage).key_type(key_type);
                let [certificates, key] = files(&dir, role);
                authority.issue(&params)?.save(certificates, key)?;
            }
            fs::write(dir.join("root.crt"), root.certificate().to_pem())?;
        }
        let path = dir.join(format!("{kind}-between/between.crt"));
        fs::write(path, between.certificate().to_pem())?;
    }
    Ok(())
}

/// What `plugin` or `host` presents with the certificates of a directory, to a peer that bears the
/// name `localhost`.
///
/// # Errors
///
/// If they cannot be read.
pub fn side(dir: &Path, role: &str) -> Result<CustomTls> {
    let [certificates, key] = files(dir, role).map(|path| path.into_boxed_path());
    let identity = Identity::load(&*certificates, &*key)
        .with_context(|| format!("cannot load {}", certificates.display()))?;
    let tls = CustomTls::new(identity, Roots::load(&*dir.join("root.crt"))?)
        .allowed_names([San::Dns("localhost".into())]);
    let lists = dir.join("crl.pem");
    Ok(if lists.exists() { tls.crls(Crls::load(&*lists)?) } else { tls })
}

/// The directories that somebody has issued into, in order of their names.
///
/// # Errors
///
/// If there is none.
pub fn issued(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut dirs: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    dirs.sort();
    ensure!(!dirs.is_empty(), "there is nothing in {}", dir.display());
    Ok(dirs)
}

/// The name of a directory, which tells the kind of its certificates.
#[must_use]
pub fn kind(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn files(dir: &Path, role: &str) -> [PathBuf; 2] {
    ["crt", "key"].map(|kind| dir.join(role).with_extension(kind))
}
