use std::net::{IpAddr, Ipv4Addr};

use rpcplugin_core::{Error, env::PortRange};
use rpcplugin_transport::{Listener, TcpBind, TcpListener};
#[cfg(unix)]
use rpcplugin_transport::{UnixBind, UnixListener, UnixSurroundings};

#[cfg(unix)]
use super::registered::Registered;
use crate::guard::Files;

/// Where side channels listen: on the network of the main connection.
#[derive(Clone, Debug)]
pub(crate) enum SideSockets {
    /// In the directory of the main socket, which a container's mounts cover, too.
    #[cfg(unix)]
    Beside(UnixSurroundings),
    /// Each by itself: the main listener is not ours.
    #[cfg(unix)]
    Apart(UnixBind),
    /// On loopback.
    Tcp(PortRange),
}

impl SideSockets {
    /// Opens one more listener, whose file goes even if the process is ended hard.
    ///
    /// # Errors
    ///
    /// `CONFIG_SOCKET_DIR`, `TRANSPORT_BIND_FAILED`, `TRANSPORT_RESOURCES`.
    pub(crate) fn listen(&self, files: &Files) -> Result<Box<dyn Listener>, Error> {
        match self {
            #[cfg(unix)]
            Self::Beside(surroundings) => {
                Ok(Box::new(Registered::new(surroundings.bind()?, files, false)))
            }
            #[cfg(unix)]
            Self::Apart(bind) => {
                Ok(Box::new(Registered::new(UnixListener::bind(bind)?, files, true)))
            }
            Self::Tcp(ports) => {
                // There is no file.
                let _ = files;
                let bind = TcpBind::new(IpAddr::V4(Ipv4Addr::LOCALHOST), ports.clone());
                Ok(Box::new(TcpListener::bind(&bind)?))
            }
        }
    }
}
