use std::io;

use nix::unistd::Group as SystemGroup;
use rpcplugin_core::{ConfigError, Error, TransportError};
use rustix::fs::Gid;

use crate::connector::is_shortage;

/// The number of the group of this number or name. It may block, where the list of groups lies
/// behind a network.
///
/// # Errors
///
/// `CONFIG_SOCKET_GROUP` if there is none, `TRANSPORT_RESOURCES` if no descriptor or memory is left
/// to look it up.
///
/// # Example
///
/// ```
/// assert_eq!(rpcplugin_transport::socket_group("4711").unwrap(), 4711);
/// ```
pub fn socket_group(group: &str) -> Result<u32, Error> {
    find(group).map(Gid::as_raw)
}

/// The group of this number or name.
///
/// # Errors
///
/// `CONFIG_SOCKET_GROUP` if there is none, `TRANSPORT_RESOURCES` if no descriptor or memory is left
/// to look it up.
pub(super) fn find(group: &str) -> Result<Gid, Error> {
    let refuse = |reason| {
        Error::from(ConfigError::SocketGroup { group: rpcplugin_core::escape_text(group), reason })
    };
    // A number needs no entry in the system's database: containers often have none.
    if let Ok(number) = group.parse::<u32>() {
        // All ones is how chown(2) is told to leave the group alone.
        return if number == u32::MAX {
            Err(refuse("the number is reserved"))
        } else {
            Ok(Gid::from_raw(number))
        };
    }
    match SystemGroup::from_name(group) {
        Ok(Some(found)) => Ok(Gid::from_raw(found.gid.as_raw())),
        Ok(None) => Err(refuse("no such group")),
        Err(errno) => match io::Error::from(errno) {
            error if is_shortage(&error) => {
                Err(TransportError::Resources { source: error.into() }.into())
            }
            _ => Err(refuse("the system's database of groups cannot be read")),
        },
    }
}

/// The error of a group that this process may not give a file to.
pub(super) fn not_ours(group: &str) -> ConfigError {
    ConfigError::SocketGroup {
        group: rpcplugin_core::escape_text(group),
        reason: "this process does not belong to it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_found() {
        assert_eq!(find("4711").unwrap().as_raw(), 4711);
        assert_eq!(find("root").or_else(|_| find("wheel")).unwrap().as_raw(), 0);
    }

    #[test]
    fn unknown_groups_are_refused() {
        for group in ["no-such-group-here", "", "-1", "4294967295", "a\0b"] {
            assert_eq!(find(group).unwrap_err().code(), "CONFIG_SOCKET_GROUP", "{group:?}");
        }
    }
}
