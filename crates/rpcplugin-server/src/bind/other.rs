use std::path::Path;

use rpcplugin_core::{Error, LaunchEnv, TransportError};
use rpcplugin_transport::Listener;

/// There are no Unix sockets here.
pub(super) fn bind(_: &LaunchEnv) -> Result<Box<dyn Listener>, Error> {
    let attempts = vec!["unix: not supported on this platform".to_owned()];
    Err(TransportError::BindFailed { attempts }.into())
}

/// As [`bind`].
pub(super) fn bind_path(_: &Path, launch: &LaunchEnv) -> Result<Box<dyn Listener>, Error> {
    bind(launch)
}
