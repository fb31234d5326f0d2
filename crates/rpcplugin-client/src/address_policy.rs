use std::{
    net::IpAddr,
    path::{Component, Path, PathBuf},
};

use rpcplugin_core::{Address, SecurityError};

/// One widening of what a plugin may announce; the rest of the policy stays.
///
/// By default a plugin listens on a loopback address, or on a socket inside the private directory
/// that this host made for it, and the listener belongs to the plugin's own process or a
/// descendant of it. Whatever lies outside is refused before a byte is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AddressException {
    /// Sockets may also lie inside this directory.
    Directory(PathBuf),
    /// TCP addresses may also have this IP.
    Ip(IpAddr),
    /// The listener may belong to any process of any user: for plugins behind a container's
    /// border, whose process ids mean nothing here.
    AnyOwner,
}

/// Which announced addresses a host dials: `docs/wire-format.md`, Addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressPolicy {
    directories: Vec<PathBuf>,
    ips: Vec<IpAddr>,
    any_owner: bool,
}

impl AddressPolicy {
    /// The policy for a plugin whose sockets belong into `private`, widened by `exceptions`.
    pub(crate) fn new(private: Option<&Path>, exceptions: &[AddressException]) -> Self {
        let mut policy = Self::default();
        if let Some(private) = private {
            policy.allow_directory(private);
        }
        for exception in exceptions {
            match exception {
                AddressException::Directory(directory) => policy.allow_directory(directory),
                AddressException::Ip(ip) => policy.ips.push(*ip),
                AddressException::AnyOwner => policy.any_owner = true,
            }
        }
        policy
    }

    /// Whether the owner of the listener is to be checked after connecting.
    pub(crate) const fn checks_owner(&self) -> bool {
        !self.any_owner
    }

    /// Whether a host with this policy dials `address`.
    ///
    /// # Errors
    ///
    /// `SECURITY_ADDRESS_FORBIDDEN`.
    pub(crate) fn check(&self, address: &Address) -> Result<(), SecurityError> {
        let refused = match address {
            Address::Tcp(tcp) if is_loopback(tcp.ip()) || self.ips.contains(&tcp.ip()) => None,
            Address::Tcp(_) => Some("it is not a loopback address"),
            Address::Unix(path) => self.refuse_path(path),
            _ => Some("its network is not known to this host"),
        };
        match refused {
            None => Ok(()),
            Some(reason) => Err(SecurityError::AddressForbidden {
                address: rpcplugin_core::escape_text(&address.to_string()),
                reason: reason.to_owned(),
            }),
        }
    }

    fn refuse_path(&self, path: &Path) -> Option<&'static str> {
        if path.components().any(|part| part == Component::ParentDir) {
            return Some("the path climbs with ..");
        }
        let inside = self.directories.iter().any(|directory| {
            path.strip_prefix(directory).is_ok_and(|rest| !rest.as_os_str().is_empty())
        });
        (!inside).then_some("it lies outside the directory that this host gave")
    }

    /// A plugin may announce the directory as it was told, or as the system resolves it: the
    /// directory for temporary files is a link on macOS.
    fn allow_directory(&mut self, directory: &Path) {
        if let Ok(resolved) = directory.canonicalize()
            && resolved != directory
        {
            self.directories.push(resolved);
        }
        self.directories.push(directory.to_owned());
    }
}

/// `::ffff:127.0.0.1` is loopback too, and not to [`IpAddr::is_loopback`].
pub(crate) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(exceptions: &[AddressException]) -> AddressPolicy {
        AddressPolicy::new(Some(Path::new("/run/private")), exceptions)
    }

    fn address(text: &str) -> Address {
        let network = if text.starts_with('/') { "unix" } else { "tcp" };
        Address::parse(network, text).unwrap()
    }

    #[track_caller]
    fn allowed(policy: &AddressPolicy, text: &str) {
        policy.check(&address(text)).unwrap();
    }

    #[track_caller]
    fn refused(policy: &AddressPolicy, text: &str, reason: &str) {
        let error = policy.check(&address(text)).unwrap_err();
        assert_eq!(error.code(), "SECURITY_ADDRESS_FORBIDDEN");
        assert_eq!(error.to_string(), format!("address {text} is not allowed: {reason}"));
    }

    #[test]
    fn loopback_and_the_private_directory_are_allowed() {
        let policy = policy(&[]);
        for text in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            allowed(&policy, text);
        }
        allowed(&policy, "/run/private/plugin1");
        allowed(&policy, "/run/private/deeper/plugin1");
        assert!(policy.checks_owner());
    }

    #[test]
    fn everything_else_is_refused() {
        let policy = policy(&[]);
        for text in ["0.0.0.0:80", "192.168.0.1:80", "[::]:80", "[fe80::1]:80"] {
            refused(&policy, text, "it is not a loopback address");
        }
        let outside = "it lies outside the directory that this host gave";
        for path in ["/run/other", "/run/private", "/run/private2/s", "/"] {
            refused(&policy, path, outside);
        }
        refused(&policy, "/run/private/../other", "the path climbs with ..");
    }

    #[test]
    fn each_rule_is_widened_alone() {
        let directory = policy(&[AddressException::Directory("/srv/sockets".into())]);
        allowed(&directory, "/srv/sockets/s");
        refused(&directory, "10.0.0.1:80", "it is not a loopback address");
        assert!(directory.checks_owner());

        let ip = policy(&[AddressException::Ip([10, 0, 0, 1].into())]);
        allowed(&ip, "10.0.0.1:80");
        refused(&ip, "10.0.0.2:80", "it is not a loopback address");

        assert!(!policy(&[AddressException::AnyOwner]).checks_owner());
    }

    #[test]
    fn the_root_stands_for_every_path() {
        let policy = AddressPolicy::new(Some(Path::new("/")), &[]);
        allowed(&policy, "/run/other/s");
        allowed(&policy, "127.0.0.1:80");
        refused(&policy, "/run/other/../s", "the path climbs with ..");
        refused(&policy, "192.0.2.1:80", "it is not a loopback address");
    }

    #[test]
    fn without_a_private_directory_no_path_is_allowed() {
        let policy = AddressPolicy::new(None, &[]);
        refused(&policy, "/run/s", "it lies outside the directory that this host gave");
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_counts_also_as_the_system_resolves_it() {
        let base = tempfile::tempdir().unwrap();
        let (real, link) = (base.path().join("real"), base.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let policy = AddressPolicy::new(Some(&link), &[]);
        for directory in [link, real.canonicalize().unwrap()] {
            policy.check(&Address::Unix(directory.join("s"))).unwrap();
        }
    }
}
