//! What the broker needs of a plugin.

use rpcplugin_broker::{Protection, Reception, Role, Side, check_host_address};
use rpcplugin_core::{Address, Error, SecurityError};
use rpcplugin_transport::{ExpectedPeer, Listener};

pub(crate) use self::sockets::SideSockets;
use crate::{guard::Files, security::LiveProtection};

#[cfg(unix)]
mod registered;
mod sockets;

/// A plugin, as its broker sees it.
#[derive(Debug)]
pub(crate) struct PluginSide {
    pub(crate) sockets: SideSockets,
    pub(crate) files: Files,
    pub(crate) protection: LiveProtection,
    pub(crate) reception: Reception,
    /// The number of the group that host and plugin agreed on.
    pub(crate) group: Option<u32>,
}

impl Side for PluginSide {
    fn role(&self) -> Role {
        Role::Plugin
    }

    fn listen(&self) -> Result<Box<dyn Listener>, Error> {
        self.sockets.listen(&self.files)
    }

    fn check(&self, address: &Address) -> Result<ExpectedPeer, SecurityError> {
        check_host_address(address, self.group)
    }

    fn protection(&self) -> Protection {
        self.protection.present()
    }

    fn reception(&self) -> Reception {
        self.reception.clone()
    }
}
