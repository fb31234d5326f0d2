use std::path::Path;

use nix::unistd::{Group, User};
use rpcplugin_core::SecurityError;
use rustix::{
    fs::{Mode, OFlags, Uid},
    process::{getegid, geteuid},
};

use super::failed;

/// A user and the one group of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Identity {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Identity {
    /// Looks up names or numbers; `None` if that is who this process is already.
    ///
    /// # Errors
    ///
    /// `SECURITY_ISOLATION_FAILED` for one that this system does not know.
    pub(crate) fn find(
        user: Option<&str>,
        group: Option<&str>,
    ) -> Result<Option<Self>, SecurityError> {
        let own = Self { user: geteuid().as_raw(), group: getegid().as_raw() };
        let (user, own_group) = match user {
            Some(user) => match find_user(user)? {
                // To the calls that change the user this means: leave it as it is.
                (u32::MAX, _) => return Err(failed(&format!("user {user}"), "no such user")),
                found => found,
            },
            None => (own.user, Some(own.group)),
        };
        let group = match (group, own_group) {
            (Some(group), _) => find_group(group)?,
            (None, Some(group)) => group,
            (None, None) => {
                let why = "it is not in the system's list of users, so a group must be given";
                return Err(failed(&format!("user {user}"), why));
            }
        };
        // To the calls that change the group this means: leave it as it is.
        if group == u32::MAX {
            return Err(failed(&format!("group {group}"), "no such group"));
        }
        let found = Self { user, group };
        Ok((found != own).then_some(found))
    }

    /// Gives this user a private directory of ours.
    ///
    /// # Errors
    ///
    /// `SECURITY_ISOLATION_FAILED` if the system does not let us.
    pub(super) fn take_over(self, directory: &Path) -> Result<(), SecurityError> {
        let refuse = |why: &dyn std::fmt::Display| {
            let what = format!("user {}: directory {}", self.user, directory.display());
            failed(&what, why)
        };
        if self.user == geteuid().as_raw() {
            return Ok(());
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open =
            rustix::fs::open(directory, flags, Mode::empty()).map_err(|error| refuse(&error))?;
        // Whoever may write in the base can have put something else in its place, but nothing
        // that belongs to us.
        let stat = rustix::fs::fstat(&open).map_err(|error| refuse(&error))?;
        if stat.st_uid != geteuid().as_raw() {
            return Err(refuse(&"it was replaced by another"));
        }
        rustix::fs::fchown(&open, Some(Uid::from_raw(self.user)), None)
            .map_err(|error| refuse(&error))
    }
}

/// A user's number, and the number of its group if the system knows the user.
fn find_user(user: &str) -> Result<(u32, Option<u32>), SecurityError> {
    let numbers = |user: User| (user.uid.as_raw(), Some(user.gid.as_raw()));
    // Names of digits are numbers, as everywhere.
    if let Ok(number) = user.parse::<u32>() {
        let known = User::from_uid(number.into()).ok().flatten();
        return Ok(known.map_or((number, None), numbers));
    }
    match User::from_name(user) {
        Ok(Some(found)) => Ok(numbers(found)),
        Ok(None) => Err(failed(&format!("user {user:?}"), "no such user")),
        Err(error) => Err(failed(&format!("user {user:?}"), error)),
    }
}

fn find_group(group: &str) -> Result<u32, SecurityError> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    match Group::from_name(group) {
        Ok(Some(found)) => Ok(found.gid.as_raw()),
        Ok(None) => Err(failed(&format!("group {group:?}"), "no such group")),
        Err(error) => Err(failed(&format!("group {group:?}"), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_need_not_become_itself() {
        let (user, group) = (geteuid().as_raw().to_string(), getegid().as_raw().to_string());
        assert_eq!(Identity::find(None, None).unwrap(), None);
        assert_eq!(Identity::find(Some(&user), Some(&group)).unwrap(), None);
    }

    #[test]
    fn the_number_that_stands_for_no_change_is_nobody() {
        let most = u32::MAX.to_string();
        for (user, group, reason) in [
            (&*most, None, "no such user"),
            (&*most, Some("1"), "no such user"),
            ("1", Some(&*most), "no such group"),
        ] {
            let error = Identity::find(Some(user), group).unwrap_err();
            assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED");
            assert!(error.to_string().contains(reason), "{error}");
        }
        assert!(Identity::find(None, Some(&most)).is_err());
        let last = Identity::find(Some("4294967294"), Some("4294967294")).unwrap();
        assert_eq!(last, Some(Identity { user: u32::MAX - 1, group: u32::MAX - 1 }));
    }

    #[test]
    fn a_user_that_the_system_does_not_know_needs_a_group() {
        let number = "4000000001";
        let error = Identity::find(Some(number), None).unwrap_err();
        assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED");
        let found = Identity::find(Some(number), Some("4000000002")).unwrap();
        assert_eq!(found, Some(Identity { user: 4_000_000_001, group: 4_000_000_002 }));
        assert!(Identity::find(Some("no-such-user"), None).is_err());
        assert!(Identity::find(None, Some("no-such-group")).is_err());
    }
}
