use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use rpcplugin_core::SecurityError;

use super::{CertManager, CertManagerBuilder};
use crate::{
    CertAuthority, CertInfo, Certificate, Identity, IdentityParams, PemSource, Roots,
    files::{self, Secrecy, invalid},
};

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

/// Whose certificate in a [`CertDirectory`], beside its authority's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CertRole {
    /// What hosts present: `host.crt` and `host.key`.
    Host,
    /// What plugins present: `server.crt` and `server.key`.
    Server,
}

impl CertRole {
    /// `host` or `server`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Server => "server",
        }
    }

    /// The name of the certificate's file.
    #[must_use]
    pub const fn certificate_file(self) -> &'static str {
        match self {
            Self::Host => "host.crt",
            Self::Server => "server.crt",
        }
    }

    /// The name of the key's file.
    #[must_use]
    pub const fn key_file(self) -> &'static str {
        match self {
            Self::Host => "host.key",
            Self::Server => "server.key",
        }
    }
}

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

    /// The directory at this path, which is there already: a misspelt path makes nothing.
    ///
    /// # Errors
    ///
    /// `SECURITY_FILE_PERMISSIONS` if it is another user's, or if others can enter it;
    /// `SECURITY_CERT_INVALID` if there is none.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, SecurityError> {
        let path = path.into();
        if !path.is_dir() {
            return Err(invalid(format!("there is no directory {}", files::shown(&path))));
        }
        Self::new(path)
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
        CertAuthority::load(self.authority_certificate_file(), self.authority_key_file())
    }

    /// Trust in the certificates of `ca.crt`.
    ///
    /// # Errors
    ///
    /// As [`Roots::load`].
    pub fn roots(&self) -> Result<Roots, SecurityError> {
        Roots::load(self.authority_certificate_file())
    }

    /// What hosts present: `host.crt` and `host.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::load`].
    pub fn host(&self) -> Result<Identity, SecurityError> {
        self.identity(CertRole::Host)
    }

    /// What plugins present: `server.crt` and `server.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::load`].
    pub fn server(&self) -> Result<Identity, SecurityError> {
        self.identity(CertRole::Server)
    }

    /// Writes `ca.crt` and `ca.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::save`].
    pub fn save_authority(&self, authority: &CertAuthority) -> Result<(), SecurityError> {
        authority.save(self.authority_certificate_file(), self.authority_key_file())
    }

    /// Writes `host.crt` and `host.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::save`].
    pub fn save_host(&self, identity: &Identity) -> Result<(), SecurityError> {
        self.save(CertRole::Host, identity)
    }

    /// Writes `server.crt` and `server.key`.
    ///
    /// # Errors
    ///
    /// As [`Identity::save`].
    pub fn save_server(&self, identity: &Identity) -> Result<(), SecurityError> {
        self.save(CertRole::Server, identity)
    }

    /// Has the directory's authority issue a successor of a host's or a plugin's certificate, if
    /// that `is_due`: with a new key, and subject, names, usage and kind of key of the one before.
    /// Returns it, or `None` if nothing was due.
    ///
    /// Of several processes that do so at once, one goes first, and the others see what it wrote.
    ///
    /// # Errors
    ///
    /// As [`host`](Self::host) and [`authority`](Self::authority), [`CertAuthority::issue`] and
    /// [`Identity::save`]; `SECURITY_CERT_INVALID` if another process does not get done.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use rpcplugin_tls::{AuthorityParams, CertAuthority, CertDirectory, CertRole, IdentityParams};
    ///
    /// # let temporary = tempfile::tempdir().unwrap();
    /// # let directory = CertDirectory::new(temporary.path().join("certificates"))?;
    /// directory.save_authority(&CertAuthority::create(&AuthorityParams::new("kv root"))?)?;
    /// let first = IdentityParams::issued("kv-plugin").validity_days(20);
    /// directory.issue_missing(CertRole::Server, &first)?;
    ///
    /// let now = SystemTime::now();
    /// let renewed = directory.renew(CertRole::Server, 365, |info| info.ends_within(30, now))?;
    /// assert!(renewed.is_some());
    /// let renewed = directory.renew(CertRole::Server, 365, |info| info.ends_within(30, now))?;
    /// assert!(renewed.is_none());
    /// # Ok::<(), rpcplugin_core::SecurityError>(())
    /// ```
    pub fn renew(
        &self,
        role: CertRole,
        validity_days: u32,
        is_due: impl FnOnce(&CertInfo) -> bool,
    ) -> Result<Option<Identity>, SecurityError> {
        self.renew_at(SystemTime::now(), role, validity_days, is_due)
    }

    pub(super) fn renew_at(
        &self,
        now: SystemTime,
        role: CertRole,
        validity_days: u32,
        is_due: impl FnOnce(&CertInfo) -> bool,
    ) -> Result<Option<Identity>, SecurityError> {
        let _alone = files::alone_in(&self.0)?;
        // Of any kind of key: that it is renewed does not take one that can be used here.
        let certificate = self.certificate(role)?;
        if !is_due(&CertInfo::of(&certificate)) {
            return Ok(None);
        }
        let params = IdentityParams::renewing(&certificate)?.validity_days(validity_days);
        let identity = self.authority()?.issue(&params.at(now))?;
        self.save(role, &identity)?;
        Ok(Some(identity))
    }

    /// Puts a successor in the place of the directory's root, if that `is_due`: as
    /// [`CertAuthority::successor`], for `validity_days`. Returns it, or `None` if nothing was due.
    ///
    /// Of several processes that do so at once, one goes first, and the others see what it wrote.
    ///
    /// # Errors
    ///
    /// As [`CertAuthority::successor`] and [`CertAuthority::save`]; `SECURITY_CERT_INVALID` if
    /// another process does not get done.
    pub fn renew_authority(
        &self,
        validity_days: u32,
        is_due: impl FnOnce(&CertInfo) -> bool,
    ) -> Result<Option<CertAuthority>, SecurityError> {
        let _alone = files::alone_in(&self.0)?;
        let authority = self.authority()?;
        if !is_due(&CertInfo::of(authority.certificate())) {
            return Ok(None);
        }
        let successor = authority.successor(validity_days)?;
        self.save_authority(&successor)?;
        Ok(Some(successor))
    }

    /// Has the directory's authority issue a certificate for a host or a plugin that has none
    /// yet; it has one if its key is there. Returns it, or `None` where there is one.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew).
    pub fn issue_missing(
        &self,
        role: CertRole,
        params: &IdentityParams,
    ) -> Result<Option<Identity>, SecurityError> {
        let _alone = files::alone_in(&self.0)?;
        if self.key_file(role).exists() {
            return Ok(None);
        }
        let identity = self.authority()?.issue(params)?;
        self.save(role, &identity)?;
        Ok(Some(identity))
    }

    /// Whether certificates can be issued here.
    #[must_use]
    pub fn has_authority_key(&self) -> bool {
        self.authority_key_file().exists()
    }

    /// A manager of what hosts present, which follows the files.
    pub fn manage_host(&self) -> CertManagerBuilder {
        self.manage(CertRole::Host)
    }

    /// A manager of what plugins present, which follows the files.
    pub fn manage_server(&self) -> CertManagerBuilder {
        self.manage(CertRole::Server)
    }

    /// The certificate's file.
    #[must_use]
    pub fn certificate_file(&self, role: CertRole) -> PathBuf {
        self.0.join(role.certificate_file())
    }

    /// The key's file.
    #[must_use]
    pub fn key_file(&self, role: CertRole) -> PathBuf {
        self.0.join(role.key_file())
    }

    /// Holds off all others who write here, until it is dropped. **Blocks**, for a while at most.
    pub(crate) fn alone(&self) -> Result<impl Sized, SecurityError> {
        files::alone_in(&self.0)
    }

    /// Where the authority's certificate is, with those that it was issued by: `ca.crt`.
    fn authority_certificate_file(&self) -> PathBuf {
        self.0.join("ca.crt")
    }

    /// Where the authority's key is, if it is here: `ca.key`.
    pub(crate) fn authority_key_file(&self) -> PathBuf {
        self.0.join("ca.key")
    }

    fn manage(&self, role: CertRole) -> CertManagerBuilder {
        let [certificates, key] = self.files(role);
        CertManager::files(certificates, key, self.authority_certificate_file())
    }

    pub(crate) fn identity(&self, role: CertRole) -> Result<Identity, SecurityError> {
        let [certificates, key] = self.files(role);
        Identity::load(certificates, key)
    }

    fn certificate(&self, role: CertRole) -> Result<Certificate, SecurityError> {
        let source = PemSource::from(self.certificate_file(role));
        let pem = source.read(Secrecy::Public)?;
        let chain = Certificate::chain_from_pem(&pem).map_err(|error| source.blame(error))?;
        chain.into_iter().next().ok_or_else(|| source.blame(invalid("no certificate")))
    }

    fn save(&self, role: CertRole, identity: &Identity) -> Result<(), SecurityError> {
        let [certificates, key] = self.files(role);
        identity.save(certificates, key)
    }

    fn files(&self, role: CertRole) -> [PathBuf; 2] {
        [self.certificate_file(role), self.key_file(role)]
    }
}
