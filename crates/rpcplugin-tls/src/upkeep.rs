//! Certificates of a directory that are issued as hosts need them.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use rpcplugin_core::SecurityError;

use crate::{CertDirectory, CertInfo, Identity, IdentityParams};

/// Of several hosts in one process that start at once, one issues and the others read: what two
/// of them write may not belong together.
static ONE: Mutex<()> = Mutex::new(());

impl CertDirectory {
    /// What hosts present, issued by the directory's authority if there is none, and again once
    /// no more than `rotation_days` are left of it; `None` leaves it as it is. A successor keeps
    /// subject, names and kind of key, and lives for `validity_days`.
    ///
    /// Without the authority's key here, whoever has it renews.
    ///
    /// # Errors
    ///
    /// As [`Identity::load`] for what is there and cannot be used, which is not replaced;
    /// `SECURITY_KEYGEN`; `SECURITY_CERT_INVALID` if a new one cannot be written.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_tls::{AuthorityParams, CertAuthority, CertDirectory, IdentityParams};
    ///
    /// # let temporary = tempfile::tempdir().unwrap();
    /// # let path = temporary.path().join("certificates");
    /// let directory = CertDirectory::new(path)?;
    /// directory.save_authority(&CertAuthority::create(&AuthorityParams::new("kv root"))?)?;
    ///
    /// let issued = directory.issued_host(IdentityParams::issued("kv-host"), 60, Some(20))?;
    /// assert_eq!(directory.host()?.certificate(), issued.certificate());
    /// # Ok::<(), rpcplugin_core::SecurityError>(())
    /// ```
    pub fn issued_host(
        &self,
        first: IdentityParams,
        validity_days: u32,
        rotation_days: Option<u32>,
    ) -> Result<Identity, SecurityError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);

        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.host();
        if let Ok(present) = &present {
            let left = CertInfo::of(present.certificate()).time_left(SystemTime::now());
            let lasts = |days| left.is_some_and(|left| left > days * DAY);
            if rotation_days.is_none_or(lasts) {
                return Ok(present.clone());
            }
        }
        let is_there = ["host.crt", "host.key"].iter().any(|name| self.path().join(name).exists());
        let params = match &present {
            Ok(present) => IdentityParams::renewing(present.certificate())?,
            Err(_) if is_there => return present,
            Err(_) => first,
        };
        let Ok(authority) = self.authority() else { return present };
        let identity = authority.issue(&params.validity_days(validity_days))?;
        self.save_host(&identity)?;
        Ok(identity)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;
    use crate::{AuthorityParams, CertAuthority};

    fn first() -> IdentityParams {
        IdentityParams::issued("a host")
    }

    #[expect(clippy::unwrap_used, reason = "a test ends by it, in its helper, too")]
    fn directory(temporary: &tempfile::TempDir) -> CertDirectory {
        let directory = CertDirectory::new(temporary.path().join("certificates")).unwrap();
        let authority = CertAuthority::create(&AuthorityParams::new("a root")).unwrap();
        directory.save_authority(&authority).unwrap();
        directory
    }

    #[test]
    fn what_lasts_is_kept_and_what_ends_soon_has_a_successor_of_the_same_name() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = directory(&temporary);
        let issued = directory.issued_host(first(), 10, Some(5)).unwrap();
        let kept = directory.issued_host(first(), 365, Some(5)).unwrap();
        assert_eq!(kept.certificate(), issued.certificate());
        let off = directory.issued_host(first(), 365, None).unwrap();
        assert_eq!(off.certificate(), issued.certificate());

        let renewed = directory.issued_host(IdentityParams::new(), 365, Some(20)).unwrap();
        assert_ne!(renewed.certificate(), issued.certificate());
        let [old, new] = [issued, renewed].map(|one| CertInfo::of(one.certificate()));
        assert_eq!((old.subject, old.names), (new.subject, new.names));
    }

    #[test]
    fn what_cannot_be_used_is_not_replaced() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = directory(&temporary);
        directory.issued_host(first(), 10, Some(5)).unwrap();
        fs::write(directory.path().join("host.key"), "mine").unwrap();
        let error = directory.issued_host(first(), 10, Some(5)).unwrap_err();
        assert_eq!(error.code(), "SECURITY_CERT_INVALID");
        assert_eq!(fs::read_to_string(directory.path().join("host.key")).unwrap(), "mine");
    }

    #[test]
    fn without_the_authoritys_key_what_is_there_is_presented() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = directory(&temporary);
        let issued = directory.issued_host(first(), 10, Some(5)).unwrap();
        fs::remove_file(directory.path().join("ca.key")).unwrap();
        let kept = directory.issued_host(first(), 365, Some(20)).unwrap();
        assert_eq!(kept.certificate(), issued.certificate());
        fs::remove_file(directory.path().join("host.crt")).unwrap();
        fs::remove_file(directory.path().join("host.key")).unwrap();
        assert!(directory.issued_host(first(), 365, Some(20)).is_err());
    }
}
