use std::{
    fs,
    path::{Path, PathBuf},
};

use rpcplugin_core::SecurityError;
use rustix::fs::{Access, access};

use super::refused;

/// A cgroup in which this process may make others.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::process) struct Delegated {
    pub(super) path: PathBuf,
    /// Whether those in it can be limited in memory.
    pub(super) memory: bool,
    /// Whether those in it can be limited in the number of processes.
    pub(super) processes: bool,
}

impl Delegated {
    /// The one that the caller names.
    ///
    /// # Errors
    ///
    /// `SECURITY_ISOLATION_FAILED` if that is none of version 2, or not ours to use.
    pub(in crate::process) fn named(path: &Path) -> Result<Self, SecurityError> {
        /// `CGROUP2_SUPER_MAGIC`.
        const CGROUP2: u64 = 0x6367_7270;
        let system = rustix::fs::statfs(path).map_err(|error| refused(path, error.into()))?;
        // The type of the field differs between machines.
        if !u64::try_from(system.f_type).is_ok_and(|kind| kind == CGROUP2) {
            return Err(super::failed(&format!("cgroup {}", path.display()), "not a cgroup v2"));
        }
        access(path, Access::WRITE_OK).map_err(|error| refused(path, error.into()))?;
        Ok(Self::at(path.to_owned()))
    }

    /// The one above this process's own, if it was delegated to this user.
    ///
    /// Not this process's own: controllers cannot be handed on from a cgroup that has processes
    /// in it.
    pub(in crate::process) fn find() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let path = parent(&own, &mounts)?;
        let may = |path: &Path| access(path, Access::WRITE_OK).is_ok();
        let writable = may(&path) && may(&path.join("cgroup.procs"));
        // Root may write in any; whose it is then is a mark that systemd makes.
        let is_root = rustix::process::geteuid().is_root();
        (writable && (!is_root || is_marked(&path))).then(|| Self::at(path))
    }

    fn at(path: PathBuf) -> Self {
        let handed_on = fs::read_to_string(path.join("cgroup.subtree_control"));
        let handed_on = handed_on.unwrap_or_default();
        let has = |name| handed_on.split_ascii_whitespace().any(|found| found == name);
        Self { memory: has("memory"), processes: has("pids"), path }
    }
}

/// Where the cgroup above this process's own is mounted.
fn parent(own: &str, mounts: &str) -> Option<PathBuf> {
    let own = Path::new(own.lines().find_map(|line| line.strip_prefix("0::"))?);
    let (root, mount) = mounts.lines().find_map(|line| {
        let (fields, system) = line.split_once(" - ")?;
        let mut fields = fields.split(' ').skip(3);
        system.starts_with("cgroup2 ").then_some((fields.next()?, fields.next()?))
    })?;
    let above = own.strip_prefix(root).ok()?.parent()?;
    Some(Path::new(mount).join(above))
}

fn is_marked(path: &Path) -> bool {
    ["user.delegate", "trusted.delegate"].into_iter().any(|name| {
        let mut value = [0; 1];
        rustix::fs::getxattr(path, name, &mut value).is_ok_and(|length| &value[..length] == b"1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        24 1 0:22 / /proc rw - proc proc rw\n\
        30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_one_above_our_own_is_found_where_it_is_mounted() {
        let found = parent("1:name=systemd:/x\n0::/user.slice/a.scope\n", MOUNTS);
        assert_eq!(found.as_deref(), Some(Path::new("/sys/fs/cgroup/user.slice")));
        assert_eq!(parent("0::/a.scope\n", MOUNTS).as_deref(), Some(Path::new("/sys/fs/cgroup")));
    }

    #[test]
    fn there_is_none_above_the_root_and_none_of_version_1() {
        assert_eq!(parent("0::/\n", MOUNTS), None);
        assert_eq!(parent("1:memory:/a/b\n", MOUNTS), None);
        assert_eq!(parent("0::/a/b\n", "24 1 0:22 / /proc rw - proc proc rw\n"), None);
    }

    #[test]
    fn only_a_part_of_the_tree_may_be_mounted() {
        let mounts = "30 24 0:26 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let found = parent("0::/box/app/host\n", mounts);
        assert_eq!(found.as_deref(), Some(Path::new("/sys/fs/cgroup/app")));
        assert_eq!(parent("0::/elsewhere/app\n", mounts), None);
    }

    #[test]
    fn a_directory_of_another_file_system_is_no_cgroup() {
        let error = Delegated::named(Path::new("/proc")).unwrap_err();
        assert!(error.to_string().contains("/proc: not a cgroup v2"), "{error}");
    }
}
