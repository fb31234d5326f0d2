use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

use rpcplugin_core::{Address, Error, SecurityError, escape_text};

/// How addresses translate between this host and a plugin in another world, such as a container's.
///
/// It holds for the main connection and for those of the broker, in both directions. The host's
/// address policy is applied to what [`to_host`](AddressMap::to_host) returns, so the plugin's
/// word alone opens nothing.
pub trait AddressMap: fmt::Debug + Send + Sync + 'static {
    /// How this host reaches what the plugin calls `address`.
    ///
    /// # Errors
    ///
    /// `SECURITY_ADDRESS_FORBIDDEN` for an address that has no place here.
    fn to_host(&self, address: Address) -> Result<Address, Error>;

    /// How the plugin reaches what this host calls `address`.
    ///
    /// # Errors
    ///
    /// `SECURITY_ADDRESS_FORBIDDEN` for an address that has no place there.
    fn to_plugin(&self, address: Address) -> Result<Address, Error>;
}

/// The [`AddressMap`] of a directory that lies at one path here and at another in the plugin's
/// world. Sockets outside of it, and TCP addresses, have no place in the other world.
///
/// # Example
///
/// ```
/// use rpcplugin_client::{AddressMap, MappedDir};
/// use rpcplugin_core::Address;
///
/// let map = MappedDir::new("/tmp/rpcplugin-abcdefgh", "/plugin");
/// let announced = Address::Unix("/plugin/s".into());
/// let here = map.to_host(announced.clone())?;
/// assert_eq!(here, Address::Unix("/tmp/rpcplugin-abcdefgh/s".into()));
/// assert_eq!(map.to_plugin(here)?, announced);
/// assert!(map.to_host(Address::Unix("/run/docker.sock".into())).is_err());
/// # Ok::<(), rpcplugin_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MappedDir {
    host: PathBuf,
    plugin: PathBuf,
}

impl MappedDir {
    /// `host` here is `plugin` there.
    pub fn new(host: impl Into<PathBuf>, plugin: impl Into<PathBuf>) -> Self {
        Self { host: host.into(), plugin: plugin.into() }
    }
}

impl AddressMap for MappedDir {
    fn to_host(&self, address: Address) -> Result<Address, Error> {
        moved(address, &self.plugin, &self.host)
    }

    fn to_plugin(&self, address: Address) -> Result<Address, Error> {
        moved(address, &self.host, &self.plugin)
    }
}

fn moved(address: Address, from: &Path, to: &Path) -> Result<Address, Error> {
    if let Address::Unix(path) = &address
        && let Ok(inner) = path.strip_prefix(from)
        && inner.components().all(|part| matches!(part, Component::Normal(_)))
    {
        return Ok(Address::Unix(to.join(inner)));
    }
    Err(SecurityError::AddressForbidden {
        address: escape_text(&address.to_string()),
        reason: format!("it lies outside {}, which is all that both sides see", from.display()),
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_directory_has_a_place_on_the_other_side() {
        let map = MappedDir::new("/host/dir", "/dir");
        let host = map.to_host(Address::Unix("/dir/a/b".into())).unwrap();
        assert_eq!(host, Address::Unix("/host/dir/a/b".into()));
        for path in ["/dir/../etc", "/dirx/s", "/host/dir/s", "/"] {
            let error = map.to_host(Address::Unix(path.into())).unwrap_err();
            assert_eq!(error.code(), "SECURITY_ADDRESS_FORBIDDEN", "{path}");
        }
        let tcp = Address::Tcp(([127, 0, 0, 1], 80).into());
        assert_eq!(map.to_host(tcp).unwrap_err().code(), "SECURITY_ADDRESS_FORBIDDEN");
    }
}
