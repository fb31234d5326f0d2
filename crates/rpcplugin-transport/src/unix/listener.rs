use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use rpcplugin_core::{Address, Error, TransportError};
use rustix::fs::{Mode, RawMode, Uid};
use tokio::net::UnixListener as Socket;

use super::{
    PrivateDir, UnixSurroundings, group,
    removal::{self, FileId},
    socket::{self, Access, Bound},
};
use crate::{Accepted, Listener, Peer, accept::Backoff};

/// Where and for whom a [`UnixListener`] is to listen: by default in a directory of its own under
/// `/tmp`, for this user alone.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::UnixBind;
///
/// let bind = UnixBind::new().dir("/run/my-host").group("plugins");
/// assert_eq!(bind, UnixBind::new().group("plugins").dir("/run/my-host"));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UnixBind {
    dir: Option<PathBuf>,
    bases: Vec<PathBuf>,
    owner: Option<u32>,
    group: Option<String>,
    mode: Option<u32>,
}

impl UnixBind {
    /// The default.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the socket directly into this directory, which must exist, as `PLUGIN_UNIX_SOCKET_DIR`
    /// demands.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Without [`dir`](Self::dir): makes the listener's own directory in this one, usually
    /// `TMPDIR`. Several are tried in the order given; `/tmp` comes last by itself.
    #[must_use]
    pub fn base(mut self, base: impl Into<PathBuf>) -> Self {
        self.bases.push(base.into());
        self
    }

    /// Gives the socket to this user, which takes root: for a peer that runs as somebody else. A
    /// directory that the listener makes stays this user's.
    #[must_use]
    pub const fn owner(mut self, uid: u32) -> Self {
        self.owner = Some(uid);
        self
    }

    /// Opens socket (0660) and own directory (0710) to this group, a name or a number.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The socket's mode, instead of 0600, or 0660 with a group.
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }
}

/// Accepts connections at a Unix socket.
///
/// It was bound once, under a random name, and nobody else could ever connect to it. Dropping it
/// removes the socket, if it is still the same file, and its own directory.
#[derive(Debug)]
pub struct UnixListener {
    socket: Socket,
    file: SocketFile,
    backoff: Backoff,
    bind: UnixBind,
    // Last, because it goes only after the socket in it.
    own_dir: Option<Arc<PrivateDir>>,
}

impl UnixListener {
    /// Binds and listens.
    ///
    /// # Errors
    ///
    /// `CONFIG_SOCKET_DIR` if the directory is missing, not a directory, not writable, cannot
    /// stand on a handshake line, or is so long that a socket's path would not fit;
    /// `CONFIG_SOCKET_GROUP` if the group is unknown or not ours; `TRANSPORT_RESOURCES` if no
    /// descriptor or memory is left; `TRANSPORT_BIND_FAILED` for other reasons of the system.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_core::Address;
    /// use rpcplugin_transport::{Listener, UnixBind, UnixListener};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpcplugin_core::Error> {
    /// let listener = UnixListener::bind(&UnixBind::new().base(std::env::temp_dir()))?;
    /// let Address::Unix(path) = listener.address() else { unreachable!() };
    /// assert!(path.exists());
    /// drop(listener);
    /// assert!(!path.exists() && !path.parent().unwrap().exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(bind: &UnixBind) -> Result<Self, Error> {
        let group = bind
            .group
            .as_deref()
            .map(|name| Ok::<_, Error>((name, group::find(name)?)))
            .transpose()?;
        let default = if group.is_some() { 0o660 } else { 0o600 };
        let mode = Mode::from_raw_mode((bind.mode.unwrap_or(default) & 0o777) as RawMode);
        let owner = bind.owner.map(Uid::from_raw);
        let access = Access { owner, group, mode };
        let (bound, own_dir) = match &bind.dir {
            Some(dir) => (socket::bind(dir, access)?, None),
            None => {
                let bases = bind.bases.iter().map(PathBuf::as_path).chain([Path::new("/tmp")]);
                // Whoever may connect must search the directory, and nothing more.
                let name = bind.group.as_deref();
                let own_dir = PrivateDir::create_for(bases, name, Mode::RWXU | Mode::XGRP)?;
                (socket::bind(own_dir.path(), access)?, Some(own_dir))
            }
        };
        let Bound { socket, path, id } = bound;
        let file = SocketFile { path, id };
        let socket = Socket::from_std(socket)
            .map_err(|source| TransportError::Resources { source: source.into() })?;
        let own_dir = own_dir.map(Arc::new);
        Ok(Self { socket, file, backoff: Backoff::default(), bind: bind.clone(), own_dir })
    }
}

impl UnixListener {
    /// Where further sockets can be bound beside this one, for the same users: for side channels.
    #[must_use]
    pub fn surroundings(&self) -> UnixSurroundings {
        UnixSurroundings::new(&self.file.path, &self.bind, self.own_dir.as_ref())
    }

    /// Keeps a directory as long as this socket is in it.
    pub(super) fn keep(&mut self, directory: Option<Arc<PrivateDir>>) {
        self.own_dir = directory;
    }
}

impl Listener for UnixListener {
    fn address(&self) -> Address {
        Address::Unix(self.file.path.clone())
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            self.backoff.ready().await;
            loop {
                match self.socket.accept().await {
                    Ok((stream, _)) => {
                        let peer = Peer::of_unix(&stream);
                        return Ok(Accepted::new(stream, peer));
                    }
                    Err(error) => {
                        if let Some(error) = self.backoff.on_error(error) {
                            return Err(error);
                        }
                    }
                }
            }
        })
    }
}

/// The socket's file, removed on drop.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    id: FileId,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        removal::remove_socket(&self.path, self.id);
    }
}
