//! Landlock: a ruleset of the files that are left to a process.

use std::{os::fd::OwnedFd, path::Path};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError,
};
use rpcplugin_core::SecurityError;

use super::failed;
use crate::AllowedPath;

pub(super) const WHAT: &str = "landlock";

/// The ruleset that leaves `allowed` to a process, and the program to be run.
///
/// # Errors
///
/// `SECURITY_ISOLATION_FAILED` if the kernel cannot enforce it, or for a path that does not exist.
pub(super) fn ruleset(
    allowed: &[AllowedPath],
    program: Option<&Path>,
) -> Result<OwnedFd, SecurityError> {
    let rules = create().map_err(|error| failed(WHAT, format!("it takes Linux 6.2: {error}")))?;
    let mut rules = rules;
    let all = allowed.iter().map(|allowed| (allowed.path.as_path(), allowed.write));
    for (path, write) in all.chain(program.map(|program| (program, false))) {
        let name = || format!("{WHAT}: {}", path.display());
        let open = PathFd::new(path).map_err(|error| failed(&name(), error))?;
        let access = access(path, write);
        rules = rules
            .add_rule(PathBeneath::new(open, access))
            .map_err(|error| failed(&name(), error))?;
    }
    Option::<OwnedFd>::from(rules).ok_or_else(|| failed(WHAT, "the kernel does not enforce it"))
}

/// Of Linux 6.2: the first that also keeps a process from truncating a file.
const KERNEL: ABI = ABI::V3;

fn create() -> Result<landlock::RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(KERNEL))?
        .create()
}

/// What may be done there; a file takes less than a directory.
fn access(path: &Path, write: bool) -> BitFlags<AccessFs> {
    let access = if write { AccessFs::from_all(KERNEL) } else { AccessFs::from_read(KERNEL) };
    if path.is_dir() { access } else { access & AccessFs::from_file(KERNEL) }
}
