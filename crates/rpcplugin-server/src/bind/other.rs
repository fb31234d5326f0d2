use rpcplugin_core::{Error, LaunchEnv, TransportError, env::PortRange};

use super::Bound;
use crate::{settings::Settings, side::SideSockets};

/// There are no Unix sockets here.
pub(super) fn bind(_: &LaunchEnv, _: &Settings) -> Result<Bound, Error> {
    let attempts = vec!["unix: not supported on this platform".to_owned()];
    Err(TransportError::BindFailed { attempts }.into())
}

/// Side channels use TCP.
pub(super) fn apart(_: &LaunchEnv, _: &Settings) -> SideSockets {
    SideSockets::Tcp(PortRange::System)
}
