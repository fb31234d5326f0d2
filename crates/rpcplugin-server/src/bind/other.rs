use std::path::Path;

use rpcplugin_core::{Error, LaunchEnv, TransportError, env::PortRange};

use super::Bound;
use crate::side::SideSockets;

/// There are no Unix sockets here.
pub(super) fn bind(_: &LaunchEnv) -> Result<Bound, Error> {
    let attempts = vec!["unix: not supported on this platform".to_owned()];
    Err(TransportError::BindFailed { attempts }.into())
}

/// As [`bind`].
pub(super) fn bind_path(_: &Path, launch: &LaunchEnv) -> Result<Bound, Error> {
    bind(launch)
}

/// Side channels use TCP.
pub(super) fn apart(_: &LaunchEnv) -> SideSockets {
    SideSockets::Tcp(PortRange::System)
}
