use std::path::{Path, PathBuf};

use rpcplugin_core::SecurityError;

use super::{CertManager, CertManagerBuilder};
use crate::{CertAuthority, Identity, Roots, files};

/// A directory of certificates in the layout of `PLUGIN_MTLS_CERT_DIR`: `ca`, `host` and
/// `server`, each with `.crt` and `.key`. It is this user's alone, mode 0700.
///
/// All of its methods **block** on files.
///
/// # Example
///
/// ```
/// use rpcplugin_tls::{AuthorityParams, CertAuthority, CertDirectory, IdentityParams};
///
/// # let temporary = tempfile::tempdir().unwrap();
/// # let path = temporary.path().join("certificates");
/// let directory = CertDirectory::new(path)?;
/// let authority = CertAuthority::create(&AuthorityParams::new("kv root"))?;
/// directory.save_authority(&authority)?;
/// directory.save_host(&authority.issue(&IdentityParams::issued("kv-host"))?)?;
/// directory.save_server(&authority.issue(&IdentityParams::issued("kv-plugin"))?)?;
///
/// let roots = directory.roots()?;
/// let host = directory.host()?;
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertDirectory(PathBuf);

impl CertDirectory {
    /// The directory at this path, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// `SECURITY_FILE_PERMISSIONS` if it is another user's, or if others can enter it;
    /// `SECURITY_CERT_INVALID` if it cannot be made.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, SecurityError> {
        let path = path.into();
        files::private_directory(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The authority in `ca.crt` and `ca.key`.
    ///
    /// # Errors
    ///
    /// As [`CertAuthority::load`].
    pub fn authority(&self) -> Result<CertAuthority, SecurityError> {
        CertAuthority::load(self.file("ca.crt"), self.file("ca.key"))
    }

    /// Trust in the certificates of `ca.crt`.
    ///
    /// # Errors
    ///
    /// As [`Roots::load`].
    pub fn roots(&self) -> Result<Roots, SecurityError> {
        Roots::load(self.file("ca.crt"))
    }

    /// What hosts present: `host.crt` and `host.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::load`].
    pub fn host(&self) -> Result<Identity, SecurityError> {
        Identity::load(self.file("host.crt"), self.file("host.key"))
    }

    /// What plugins present: `server.crt` and `server.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::load`].
    pub fn server(&self) -> Result<Identity, SecurityError> {
        Identity::load(self.file("server.crt"), self.file("server.key"))
    }

    /// Writes `ca.crt` and `ca.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::save`].
    pub fn save_authority(&self, authority: &CertAuthority) -> Result<(), SecurityError> {
        authority.save(self.file("ca.crt"), self.file("ca.key"))
    }

    /// Writes `host.crt` and `host.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::save`].
    pub fn save_host(&self, identity: &Identity) -> Result<(), SecurityError> {
        identity.save(self.file("host.crt"), self.file("host.key"))
    }

    /// Writes `server.crt` and `server.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::save`].
    pub fn save_server(&self, identity: &Identity) -> Result<(), SecurityError> {
        identity.save(self.file("server.crt"), self.file("server.key"))
    }

    /// A manager of what hosts present, which follows the files.
    pub fn manage_host(&self) -> CertManagerBuilder {
        CertManager::files(self.file("host.crt"), self.file("host.key"), self.file("ca.crt"))
    }

    /// A manager of what plugins present, which follows the files.
    pub fn manage_server(&self) -> CertManagerBuilder {
        CertManager::files(self.file("server.crt"), self.file("server.key"), self.file("ca.crt"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
