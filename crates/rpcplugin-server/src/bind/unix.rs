use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use futures_util::future::BoxFuture;
use rpcplugin_core::{Address, Error, LaunchEnv, TransportError, limits};
use rpcplugin_transport::{Accepted, Listener, UnixBind, UnixListener};

use super::Bound;
use crate::{settings::Settings, side::SideSockets};

/// A socket where the settings say, else where the host wants it, else in a directory of its own.
pub(super) fn bind(launch: &LaunchEnv, settings: &Settings) -> Result<Bound, Error> {
    if let Some(path) = settings.config.server_unix_socket_path() {
        return bind_path(path, launch, settings);
    }
    let listener = UnixListener::bind(&choose(launch, settings))?;
    let sides = SideSockets::Beside(listener.surroundings());
    Ok(Bound { listener: Box::new(listener), sides })
}

/// Side channels without a main socket to be beside of.
pub(super) fn apart(launch: &LaunchEnv, settings: &Settings) -> SideSockets {
    SideSockets::Apart(choose(launch, settings))
}

fn choose(launch: &LaunchEnv, settings: &Settings) -> UnixBind {
    let bind = access(launch, settings);
    if let Some(dir) = &launch.socket_dir {
        bind.dir(dir)
    } else if let Some(base) = temporary_directory() {
        bind.base(base)
    } else {
        bind
    }
}

/// A socket at exactly this path, which must be free.
fn bind_path(path: &Path, launch: &LaunchEnv, settings: &Settings) -> Result<Bound, Error> {
    let refuse = |reason| TransportError::InvalidEndpoint {
        address: rpcplugin_core::escape_text(&path.to_string_lossy()),
        reason,
    };
    if !path.is_absolute() || path.as_os_str().len() > limits::SOCKET_PATH {
        return Err(refuse("not an absolute path that fits a socket").into());
    }
    let dir = path.parent().ok_or_else(|| refuse("it has no directory"))?;
    let listener = UnixListener::bind(&access(launch, settings).dir(dir))?;
    let sides = SideSockets::Beside(listener.surroundings());
    Ok(Bound { listener: Box::new(Renamed::new(listener, path)?), sides })
}

/// Who may connect.
fn access(launch: &LaunchEnv, settings: &Settings) -> UnixBind {
    let group = launch.socket_group.as_ref().map(|group| group.to_string_lossy().into_owned());
    let bind = group.into_iter().fold(UnixBind::new(), UnixBind::group);
    settings.socket_mode().into_iter().fold(bind, UnixBind::mode)
}

fn temporary_directory() -> Option<OsString> {
    // Not a launch variable: any program's children may need it, so it stays.
    std::env::var_os("TMPDIR").filter(|dir| Path::new(dir).is_absolute())
}

/// A listener under another name than the one it was bound to. The socket gets its mode under a
/// random name and only then its real one, and a file that is already there is never replaced.
struct Renamed {
    listener: UnixListener,
    path: PathBuf,
    inode: (u64, u64),
}

impl Renamed {
    fn new(listener: UnixListener, path: &Path) -> Result<Self, TransportError> {
        let failed = |error: io::Error| TransportError::BindFailed {
            attempts: vec![format!("unix {}: {error}", path.display())],
        };
        let Address::Unix(bound) = listener.address() else {
            return Err(failed(io::ErrorKind::Unsupported.into()));
        };
        fs::hard_link(&bound, path).map_err(failed)?;
        let inode = inode(path).map_err(failed)?;
        let _ = fs::remove_file(bound);
        Ok(Self { listener, path: path.to_owned(), inode })
    }
}

impl Listener for Renamed {
    fn address(&self) -> Address {
        Address::Unix(self.path.clone())
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        self.listener.accept()
    }
}

impl Drop for Renamed {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|found| found == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use rpcplugin_core::config::Values;

    use super::*;

    #[tokio::test]
    async fn an_exact_path_is_taken_only_if_free_and_removed_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plugin.sock");
        let settings = Settings::of(Values::new().server_unix_socket_path(path.clone()));
        let listener = bind(&LaunchEnv::default(), &settings).unwrap().listener;
        assert_eq!(listener.address(), Address::Unix(path.clone()));
        let accepted = async {
            let mut listener = listener;
            let (client, accepted) =
                tokio::join!(tokio::net::UnixStream::connect(&path), listener.accept());
            client.unwrap();
            accepted.unwrap();
            listener
        };
        let listener = accepted.await;
        let second = bind(&LaunchEnv::default(), &settings);
        assert_eq!(second.err().unwrap().code(), "TRANSPORT_BIND_FAILED");
        drop(listener);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
