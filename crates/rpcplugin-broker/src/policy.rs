use rpcplugin_core::{Address, SecurityError, escape_text};
use rpcplugin_transport::ExpectedPeer;

/// The addresses that a plugin dials: loopback, and any absolute path of a socket that belongs to
/// this user or to root, or is open to the `group` that host and plugin agreed on, by its number.
/// The sockets of a host may lie anywhere.
///
/// For [`Side::check`](crate::Side::check) of a plugin. It asks the file system for the owner.
///
/// # Errors
///
/// `SECURITY_ADDRESS_FORBIDDEN` for everything else, a socket that is gone not among it:
/// dialling that says so better.
///
/// # Example
///
/// ```
/// use rpcplugin_broker::check_host_address;
/// use rpcplugin_core::Address;
///
/// let check =
///     |network, address| check_host_address(&Address::parse(network, address).unwrap(), None);
/// assert!(check("tcp", "127.0.0.1:4000").is_ok());
/// assert!(check("tcp", "192.0.2.1:4000").is_err());
/// # #[cfg(unix)]
/// assert!(check("unix", "/etc/passwd").is_err());
/// ```
pub fn check_host_address(
    address: &Address,
    group: Option<u32>,
) -> Result<ExpectedPeer, SecurityError> {
    let refused = match address {
        // `::ffff:127.0.0.1` is loopback too.
        Address::Tcp(tcp) if tcp.ip().to_canonical().is_loopback() => None,
        Address::Tcp(_) => Some("it is not a loopback address"),
        Address::Unix(path) => refuse_path(path, group),
        _ => Some("its network is not known"),
    };
    match refused {
        None => Ok(ExpectedPeer::new()),
        Some(reason) => Err(SecurityError::AddressForbidden {
            address: escape_text(&address.to_string()),
            reason: reason.to_owned(),
        }),
    }
}

#[cfg(unix)]
fn refuse_path(path: &std::path::Path, group: Option<u32>) -> Option<&'static str> {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use rpcplugin_transport::Peer;

    if path.components().any(|part| part == std::path::Component::ParentDir) {
        return Some("the path climbs with ..");
    }
    // A link is nobody's socket: what it leads to may change between this look and the next.
    let found = std::fs::symlink_metadata(path).ok()?;
    if !found.file_type().is_socket() {
        return Some("no socket lies there");
    }
    let owner = Peer::new(None, Some(found.uid()));
    // The two agreed on the members of a group, and whoever makes a file there was let in by one:
    // it is a member itself, or its directory passes on the group, as a setgid one does.
    let is_agreed = group == Some(found.gid());
    (!owner.is_same_user() && !is_agreed).then_some("the socket belongs to another user")
}

#[cfg(not(unix))]
fn refuse_path(_: &std::path::Path, _: Option<u32>) -> Option<&'static str> {
    Some("this platform has no such sockets")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(path: &std::path::Path, reason: &str) {
        let error = check_host_address(&Address::Unix(path.to_owned()), None).unwrap_err();
        assert_eq!(error.code(), "SECURITY_ADDRESS_FORBIDDEN");
        assert!(error.to_string().ends_with(reason), "{error}");
    }

    #[test]
    fn a_socket_of_this_user_may_lie_anywhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        check_host_address(&Address::Unix(path), None).unwrap();
    }

    #[test]
    fn what_is_not_a_socket_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        refused(&link, "no socket lies there");
        refused(dir.path(), "no socket lies there");
        refused(&dir.path().join("..").join("socket"), "the path climbs with ..");
    }

    #[test]
    fn a_path_without_a_file_is_for_the_dial_to_judge() {
        check_host_address(&Address::Unix("/no/such/socket".into()), None).unwrap();
    }

    #[test]
    fn a_socket_of_another_user_is_dialled_only_in_the_group_that_was_agreed_on() {
        if !is_root() {
            eprintln!("NOT TESTED here: sockets of another user (only root can give files away)");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(4711), Some(4712)).unwrap();
        refused(&path, "the socket belongs to another user");
        let address = Address::Unix(path);
        let error = check_host_address(&address, Some(4711)).unwrap_err();
        assert_eq!(error.code(), "SECURITY_ADDRESS_FORBIDDEN");
        check_host_address(&address, Some(4712)).unwrap();
    }

    fn is_root() -> bool {
        rpcplugin_transport::Peer::ourselves().uid() == Some(0)
    }
}
