use std::{
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rpcplugin_core::{Error, TransportError, limits};
use tokio::net::UnixStream;

use crate::{
    ExpectedPeer, Peer,
    connector::{dial_error, dialler},
};

/// Connects to one Unix domain socket, whatever [`Uri`](http::Uri) it is asked for.
///
/// # Errors
///
/// `TRANSPORT_REFUSED`, `TRANSPORT_NOT_FOUND`, `TRANSPORT_DENIED`, `TRANSPORT_CONNECT_TIMEOUT`
/// (the backlog stayed full), `TRANSPORT_RESOURCES`, `TRANSPORT_INVALID_ENDPOINT` (the path is
/// too long), and `SECURITY_PEER_CREDENTIALS` if another process listens than the expected one;
/// then not a byte was sent.
#[derive(Clone, Debug)]
pub struct UnixConnector {
    path: Arc<Path>,
    expected: ExpectedPeer,
    timeout: Duration,
}

impl UnixConnector {
    /// A connector to this socket, for any peer, within 5 s.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into().into(),
            expected: ExpectedPeer::new(),
            timeout: limits::CONNECTION_TIMEOUT,
        }
    }

    async fn dial(self) -> Result<UnixStream, Error> {
        let Self { path, expected, .. } = self;
        let shown = rpcplugin_core::escape_text(&path.to_string_lossy());
        if path.as_os_str().len() > limits::SOCKET_PATH {
            let reason = "the path is too long for a socket";
            return Err(TransportError::InvalidEndpoint { address: shown, reason }.into());
        }
        let stream =
            connect(&path).await.map_err(|error| dial_error(error, &shown, || mode_of(&path)))?;
        expected.check(&shown, &Peer::of_unix(&stream))?;
        Ok(stream)
    }
}

dialler!(
    UnixConnector,
    UnixStream,
    /// Refuses any other process. Only Linux tells who descends from whom; elsewhere only the
    /// user is compared.
);

/// Connects, waiting for a place in the backlog as long as it is polled.
async fn connect(path: &Path) -> io::Result<UnixStream> {
    const LONGEST_PAUSE: Duration = Duration::from_millis(50);
    let mut pause = Duration::from_millis(1);
    loop {
        match UnixStream::connect(path).await {
            // Linux does not tell a non-blocking socket when the backlog has a place again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            connected => return connected,
        }
    }
}

/// Owner and mode of a socket that we may not open, or why they are unknown.
fn mode_of(path: &Path) -> String {
    match std::fs::symlink_metadata(path) {
        Ok(found) => format!(
            "owner {}, group {}, mode {:04o}",
            found.uid(),
            found.gid(),
            found.permissions().mode() & 0o7777
        ),
        Err(error) => format!("its directory cannot be searched: {error}"),
    }
}
