//! Certificates of a directory that are issued as they are needed.

use std::time::SystemTime;

use rpcplugin_core::SecurityError;

use crate::{CertDirectory, CertInfo, CertRole, DAY, Identity, IdentityParams};

impl CertDirectory {
    /// What hosts or plugins present, issued by the directory's authority if there is none, and
    /// again once it [is due](CertInfo::is_due) with `rotation_days`; `None` leaves it as it is. A
    /// successor keeps subject, names and kind of key, and lives for `validity_days`.
    ///
    /// Without the authority's key here, whoever has it renews. A renewal that fails leaves what is
    /// there, with a warning, as long as that can be used.
    ///
    /// # Errors
    ///
    /// As [`Identity::load`] for what is there and cannot be used, which is not replaced;
    /// `SECURITY_KEYGEN`; `SECURITY_CERT_INVALID` if a first one cannot be written, or if another
    /// process that writes there does not get done within 5 s.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_tls::{AuthorityParams, CertAuthority, CertDirectory, CertRole, IdentityParams};
    ///
    /// # let temporary = tempfile::tempdir().unwrap();
    /// # let path = temporary.path().join("certificates");
    /// let directory = CertDirectory::new(path)?;
    /// directory.save_authority(&CertAuthority::create(&AuthorityParams::new("kv root"))?)?;
    ///
    /// let first = IdentityParams::issued("kv-host");
    /// let issued = directory.issued(CertRole::Host, first, 60, Some(20))?;
    /// assert_eq!(directory.host()?.certificate(), issued.certificate());
    /// # Ok::<(), rpcplugin_core::SecurityError>(())
    /// ```
    pub fn issued(
        &self,
        role: CertRole,
        first: IdentityParams,
        validity_days: u32,
        rotation_days: Option<u32>,
    ) -> Result<Identity, SecurityError> {
        let now = SystemTime::now();
        let is_due = |info: &CertInfo| {
            rotation_days.is_some_and(|days| info.is_due(days, validity_days, now))
        };
        let present = self.settled(role);
        match &present {
            Ok(present) if !is_due(&CertInfo::of(present.certificate())) => {
                return Ok(present.clone());
            }
            // What is there and cannot be used is not replaced behind its owner's back.
            Err(_) if self.has_any(role) => return present,
            _ => {}
        }
        if !self.has_authority_key() {
            if let Ok(present) = &present {
                self.warn(role, present, now, &"its authority's key is not here");
            }
            return present;
        }
        let done = match &present {
            Ok(_) => self.renew(role, validity_days, is_due),
            Err(_) => self.issue_missing(role, &first.validity_days(validity_days)),
        };
        match (done, present) {
            (Ok(Some(issued)), _) => {
                tracing::info!(directory = %self.path().display(), role = role.name(), "issued a certificate");
                Ok(issued)
            }
            // Another process was faster.
            (Ok(None), _) => self.settled(role),
            (Err(error), Ok(present)) => {
                self.warn(role, &present, now, &error);
                Ok(present)
            }
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// What is there once nobody writes: between its two files somebody else may just do so.
    fn settled(&self, role: CertRole) -> Result<Identity, SecurityError> {
        self.identity(role).or_else(|error| {
            if !self.has_any(role) {
                return Err(error);
            }
            // Whoever may not write here reads as well as it can.
            let _alone = self.alone().ok();
            self.identity(role)
        })
    }

    fn has_any(&self, role: CertRole) -> bool {
        self.certificate_file(role).exists() || self.key_file(role).exists()
    }

    fn warn(
        &self,
        role: CertRole,
        present: &Identity,
        now: SystemTime,
        why: &dyn std::fmt::Display,
    ) {
        let left = CertInfo::of(present.certificate()).time_left(now).unwrap_or_default();
        tracing::warn!(
            directory = %self.path().display(),
            role = role.name(),
            days_left = left.as_secs() / DAY.as_secs(),
            "a certificate that ends soon is not renewed: {why}"
        );
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
        let issued = directory.issued(CertRole::Host, first(), 10, Some(5)).unwrap();
        let kept = directory.issued(CertRole::Host, first(), 365, Some(5)).unwrap();
        assert_eq!(kept.certificate(), issued.certificate());
        let off = directory.issued(CertRole::Host, first(), 365, None).unwrap();
        assert_eq!(off.certificate(), issued.certificate());

        let renewed =
            directory.issued(CertRole::Host, IdentityParams::new(), 365, Some(20)).unwrap();
        assert_ne!(renewed.certificate(), issued.certificate());
        let [old, new] = [issued, renewed].map(|one| CertInfo::of(one.certificate()));
        assert_eq!((old.subject, old.names), (new.subject, new.names));
    }

    #[test]
    fn what_cannot_be_used_is_not_replaced() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = directory(&temporary);
        directory.issued(CertRole::Host, first(), 10, Some(5)).unwrap();
        fs::write(directory.path().join("host.key"), "mine").unwrap();
        let error = directory.issued(CertRole::Host, first(), 10, Some(5)).unwrap_err();
        assert_eq!(error.code(), "SECURITY_CERT_INVALID");
        assert_eq!(fs::read_to_string(directory.path().join("host.key")).unwrap(), "mine");
    }

    #[test]
    fn without_the_authoritys_key_what_is_there_is_presented() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = directory(&temporary);
        let issued = directory.issued(CertRole::Host, first(), 10, Some(5)).unwrap();
        fs::remove_file(directory.path().join("ca.key")).unwrap();
        let kept = directory.issued(CertRole::Host, first(), 365, Some(20)).unwrap();
        assert_eq!(kept.certificate(), issued.certificate());
        fs::remove_file(directory.path().join("host.crt")).unwrap();
        fs::remove_file(directory.path().join("host.key")).unwrap();
        assert!(directory.issued(CertRole::Host, first(), 365, Some(20)).is_err());
    }

    #[test]
    fn a_life_shorter_than_the_days_has_its_last_third() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = directory(&temporary);
        let issued = directory.issued(CertRole::Server, first(), 20, Some(30)).unwrap();
        let kept = directory.issued(CertRole::Server, first(), 20, Some(30)).unwrap();
        assert_eq!(kept.certificate(), issued.certificate());
    }

    #[test]
    fn a_renewal_that_fails_leaves_what_is_there() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = directory(&temporary);
        let issued = directory.issued(CertRole::Server, first(), 10, Some(5)).unwrap();
        fs::write(directory.authority_key_file(), "no key").unwrap();
        let kept = directory.issued(CertRole::Server, first(), 365, Some(11)).unwrap();
        assert_eq!(kept.certificate(), issued.certificate());
    }

    #[test]
    fn many_that_start_at_once_come_to_one_pair() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = directory(&temporary);
        directory.issued(CertRole::Server, first(), 2, Some(1)).unwrap();
        let all: Vec<_> = std::thread::scope(|scope| {
            let start = || directory.issued(CertRole::Server, first(), 365, Some(2)).unwrap();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let last = directory.server().unwrap();
        assert!(all.iter().all(|one| one.certificate() == last.certificate()));
    }
}
