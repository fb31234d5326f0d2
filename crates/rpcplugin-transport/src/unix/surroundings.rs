use std::{
    path::Path,
    sync::{Arc, Weak},
};

use rpcplugin_core::{Error, TransportError};

use super::{PrivateDir, UnixBind, UnixListener};

/// The directory of a [`UnixListener`], for more sockets in it.
///
/// If the listener made that directory, it goes with the last of the listeners in it; this does
/// not keep it.
#[derive(Clone, Debug)]
pub struct UnixSurroundings {
    bind: UnixBind,
    own_dir: Option<Weak<PrivateDir>>,
}

impl UnixSurroundings {
    pub(super) fn new(socket: &Path, bind: &UnixBind, own_dir: Option<&Arc<PrivateDir>>) -> Self {
        let directory = socket.parent().unwrap_or(socket);
        Self { bind: bind.clone().dir(directory), own_dir: own_dir.map(Arc::downgrade) }
    }

    /// Binds one more socket, and listens.
    ///
    /// # Errors
    ///
    /// Those of [`UnixListener::bind`]; `TRANSPORT_SHUT_DOWN` if the directory went with its last
    /// listener.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(&self) -> Result<UnixListener, Error> {
        let kept = match &self.own_dir {
            None => None,
            Some(directory) => Some(directory.upgrade().ok_or(TransportError::ShutDown)?),
        };
        let mut listener = UnixListener::bind(&self.bind)?;
        listener.keep(kept);
        Ok(listener)
    }
}

#[cfg(test)]
mod tests {
    use rpcplugin_core::Address;

    use super::*;
    use crate::Listener as _;

    #[tokio::test]
    async fn a_directory_of_its_own_goes_with_the_last_listener_in_it() {
        let base = tempfile::tempdir().unwrap();
        let bind = UnixBind::new().base(base.path());
        let first = UnixListener::bind(&bind).unwrap();
        let surroundings = first.surroundings();
        let second = surroundings.bind().unwrap();
        let [Address::Unix(one), Address::Unix(other)] = [first.address(), second.address()] else {
            unreachable!("both are sockets");
        };
        assert_eq!(one.parent(), other.parent());
        drop(first);
        assert!(!one.exists() && other.exists());
        drop(second);
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
        assert_eq!(surroundings.bind().unwrap_err().code(), "TRANSPORT_SHUT_DOWN");
    }

    #[tokio::test]
    async fn a_given_directory_stays() {
        let given = tempfile::tempdir().unwrap();
        let bind = UnixBind::new().dir(given.path());
        let first = UnixListener::bind(&bind).unwrap();
        let surroundings = first.surroundings();
        drop(first);
        drop(surroundings.bind().unwrap());
        assert_eq!(std::fs::read_dir(given.path()).unwrap().count(), 0);
    }
}
