//! Files that a manager renews itself.

use std::time::{Duration, SystemTime};

use rpcplugin_core::SecurityError;
use tokio::time::Instant;

use super::{CertDirectory, CertRole, schedule::after};
use crate::{CertInfo, Fingerprint, files::invalid};

/// Whose files, and when it may be tried again.
pub(super) struct Renewal {
    directory: CertDirectory,
    role: CertRole,
    validity_days: u32,
    next: Option<Instant>,
    /// Why the latest attempt failed, if it did.
    trouble: Option<String>,
}

impl Renewal {
    pub(super) const fn new(directory: CertDirectory, role: CertRole, validity_days: u32) -> Self {
        Self { directory, role, validity_days, next: None, trouble: None }
    }

    /// Whether enough time has passed since the latest attempt.
    pub(super) fn may_try(&self) -> bool {
        self.next.is_none_or(|next| next <= Instant::now())
    }

    /// Renews what is in the directory, unless somebody else has, or the authority's key is
    /// elsewhere.
    pub(super) async fn run(
        &mut self,
        now: SystemTime,
        held: Fingerprint,
    ) -> Result<(), SecurityError> {
        self.next = Some(after(Instant::now(), PAUSE));
        let Self { directory, role, validity_days, .. } = self;
        let (directory, role, validity_days) = (directory.clone(), *role, *validity_days);
        let renewing = tokio::task::spawn_blocking(move || {
            if !directory.has_authority_key() {
                return Ok(());
            }
            let same = |info: &CertInfo| info.fingerprint == held;
            directory.renew_at(now, role, validity_days, same).map(drop)
        });
        let done = renewing
            .await
            .unwrap_or_else(|_| Err(invalid("the thread that renews it was stopped")));
        if done.is_ok() {
            self.trouble = None;
        }
        done
    }

    /// Whether this failure is another one than that of the attempt before.
    pub(super) fn is_news(&mut self, error: &SecurityError) -> bool {
        let reason = error.to_string();
        self.trouble.replace(reason.clone()) != Some(reason)
    }
}

/// A disk that is full is not asked again at each look.
const PAUSE: Duration = Duration::from_secs(60);
