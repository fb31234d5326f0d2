use std::{io, path::Path, process::Command};

use rpcplugin_core::SecurityError;

use super::{Bounds, Unapplied, failed};
use crate::{
    Limits,
    isolation::Confinement,
    process::{Verified, account::Account},
};

/// Nothing that was applied.
pub(in crate::process) struct Applied;

impl Applied {
    /// Refuses every restriction: this system is not known to have any.
    pub(in crate::process) fn to(
        _: &mut Command,
        bounds: &Bounds,
        _: Option<&Path>,
        _: bool,
        _: Option<Verified>,
    ) -> Result<Self, Unapplied> {
        let Confinement {
            limits,
            // The host's own task ends the plugin.
            max_lifetime: _,
            user,
            group,
            nice,
            processors,
            no_new_privs,
            landlock,
            no_network,
            cgroup,
        } = &bounds.settings;
        let asked = [
            ("limits", *limits != Limits::new()),
            ("user", user.is_some()),
            ("group", group.is_some()),
            ("nice", nice.is_some()),
            ("cpu_affinity", processors.is_some()),
            ("no_new_privs", *no_new_privs),
            ("landlock", landlock.is_some()),
            ("no_network", *no_network),
            ("cgroup", cgroup.is_some()),
        ];
        match asked.iter().find(|(_, asked)| *asked) {
            Some((what, _)) => Err(failed(what, "not available on this system").into()),
            None => Ok(Self),
        }
    }

    /// The book on the process that was started.
    pub(in crate::process) fn account(&self, pid: u32, limits: Limits) -> Account {
        Account::new(pid, limits)
    }

    /// Nothing must outlive the process.
    pub(in crate::process) fn kept(self) -> Option<()> {
        None
    }

    /// Nothing can fail that is not there.
    pub(in crate::process) fn failure(&self, _: &io::Error) -> Option<SecurityError> {
        None
    }
}
