//! A new process's restrictions: what this system can apply, and how.
//!
//! **Invariant:** what was asked for is applied, or the start fails; nothing is left out.

use std::path::PathBuf;

use rpcplugin_core::SecurityError;

use crate::isolation::Confinement;

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod files;
#[cfg(unix)]
mod identity;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod network;
#[cfg(all(target_os = "linux", target_endian = "big"))]
#[path = "confine/no_filter.rs"]
mod network;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(target_os = "linux")]
pub(in crate::process) use self::cgroup::{Cgroup, Readings};
#[cfg(unix)]
pub(crate) use self::identity::Identity;
#[cfg(not(unix))]
pub(in crate::process) use self::other::Applied;
#[cfg(unix)]
pub(in crate::process) use self::unix::Applied;

/// The bounds of one process that is to be started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) settings: Confinement,
    /// The plugin's private directory, which Landlock must leave to it.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has Landlock"))]
    pub(crate) directory: Option<PathBuf>,
    /// Who the plugin runs as, unless that is this process's user and group.
    #[cfg(unix)]
    pub(crate) identity: Option<Identity>,
}

/// Why nothing was started.
#[derive(Debug)]
pub(in crate::process) enum Unapplied {
    /// A restriction cannot be applied.
    Refused(SecurityError),
    /// The command cannot be run.
    #[cfg_attr(not(unix), expect(dead_code, reason = "nothing runs another way there"))]
    Unfit(std::io::Error),
}

impl From<SecurityError> for Unapplied {
    fn from(error: SecurityError) -> Self {
        Self::Refused(error)
    }
}

/// Why something cannot be applied.
fn failed(what: &str, why: impl std::fmt::Display) -> SecurityError {
    SecurityError::IsolationFailed { detail: format!("{what}: {why}") }
}

impl Bounds {
    /// Finds out who the plugin is to be, and makes its private directory this user's.
    ///
    /// # Errors
    ///
    /// `SECURITY_ISOLATION_FAILED`.
    #[cfg(unix)]
    pub(crate) fn new(
        settings: Confinement,
        directory: Option<&std::path::Path>,
    ) -> Result<Self, SecurityError> {
        let identity = Identity::find(settings.user.as_deref(), settings.group.as_deref())?;
        if let (Some(identity), Some(directory)) = (identity, directory) {
            identity.take_over(directory)?;
        }
        Ok(Self { settings, directory: directory.map(Into::into), identity })
    }

    /// Who the plugin runs as.
    #[cfg(unix)]
    pub(crate) fn user(&self) -> u32 {
        let own = || rustix::process::geteuid().as_raw();
        self.identity.map_or_else(own, |identity| identity.user)
    }

    /// Notes what was asked for; the start refuses it.
    #[cfg(not(unix))]
    pub(crate) fn new(
        settings: Confinement,
        directory: Option<&std::path::Path>,
    ) -> Result<Self, SecurityError> {
        Ok(Self { settings, directory: directory.map(Into::into) })
    }
}
