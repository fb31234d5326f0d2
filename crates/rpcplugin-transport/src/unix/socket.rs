//! Making a socket's file so that nobody but those meant can ever connect.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::{Path, PathBuf},
};

use rpcplugin_core::{ConfigError, Error, TransportError, limits};
use rustix::{
    fs::{FileType, Gid, Mode, Uid},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketType},
};

use super::{
    directory::check_form,
    removal::{self, FileId, file_id},
};
use crate::{connector::is_shortage, random};

/// A listening socket and its file.
pub(super) struct Bound {
    pub(super) socket: UnixListener,
    pub(super) path: PathBuf,
    pub(super) id: FileId,
}

/// Who may connect.
#[derive(Clone, Copy)]
pub(super) struct Access<'a> {
    /// Who the file is given to, if not this user's.
    pub(super) owner: Option<Uid>,
    pub(super) group: Option<(&'a str, Gid)>,
    pub(super) mode: Mode,
}

/// Binds under a random name in `dir`, which must exist, and listens.
pub(super) fn bind(dir: &Path, access: Access<'_>) -> Result<Bound, Error> {
    let refuse = |reason, source: Option<Errno>| ConfigError::SocketDir {
        path: dir.to_owned(),
        reason,
        source: source.map(io::Error::from),
    };
    check_form(dir).map_err(|reason| refuse(reason, None))?;
    if dir.as_os_str().len() + 1 + NAME_LENGTH > limits::SOCKET_PATH {
        return Err(refuse(TOO_LONG, None).into());
    }
    match rustix::fs::stat(dir) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => {}
        Ok(_) => return Err(refuse("it is not a directory", None).into()),
        Err(error) => return Err(refuse("it cannot be found", Some(error)).into()),
    }
    let failed =
        |what: &str, error| failed(&format!("a socket in {}: {what}", dir.display()), error);
    let socket = new_socket(access.mode).map_err(|error| failed("cannot be made", error))?;
    let path = bind_to_free_name(&socket, names(dir))
        .map_err(|error| refuse("no socket can be made in it", Some(error)))?;
    let id = identify(&path).map_err(|error| failed("was replaced by another file", error))?;
    // From here on a failure must take the file with it.
    open_to(&path, id, access)
        .and_then(|()| {
            rustix::net::listen(&socket, BACKLOG)
                .map_err(|error| failed("cannot listen", error))?;
            let socket = UnixListener::from(socket);
            socket
                .set_nonblocking(true)
                .map_err(|source| TransportError::Resources { source: source.into() })?;
            Ok(Bound { socket, path: path.clone(), id })
        })
        .inspect_err(|_| removal::remove_socket(&path, id))
}

/// A socket whose file will have at most this mode from the first moment.
fn new_socket(mode: Mode) -> rustix::io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        let flags = rustix::net::SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // Linux gives the file the socket's own mode, less the umask. After bind it would be too
        // late: fchmod then changes the socket and no longer the file.
        rustix::fs::fchmod(&socket, mode)?;
        Ok(socket)
    }
    #[cfg(not(target_os = "linux"))]
    {
        // The file's mode is set between bind and listen; until then nobody can connect.
        let _ = mode;
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        Ok(socket)
    }
}

/// Random names of sockets in a directory.
fn names(dir: &Path) -> impl Iterator<Item = rustix::io::Result<PathBuf>> {
    const ATTEMPTS: usize = 16;
    (0..ATTEMPTS).map(|_| Ok(dir.join(random::name(PREFIX, RANDOM).map_err(|_| Errno::IO)?)))
}

/// Binds to the first name at which nothing lies. What lies at another is neither followed nor
/// removed.
fn bind_to_free_name(
    socket: &OwnedFd,
    names: impl Iterator<Item = rustix::io::Result<PathBuf>>,
) -> rustix::io::Result<PathBuf> {
    for path in names {
        let path = path?;
        match rustix::net::bind(socket, &SocketAddrUnix::new(&path)?) {
            Ok(()) => return Ok(path),
            Err(Errno::ADDRINUSE) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::ADDRINUSE)
}

fn identify(path: &Path) -> rustix::io::Result<FileId> {
    let stat = rustix::fs::lstat(path)?;
    let is_ours = FileType::from_raw_mode(stat.st_mode).is_socket()
        && stat.st_uid == rustix::process::geteuid().as_raw();
    if is_ours { Ok(file_id(&stat)) } else { Err(Errno::STALE) }
}

/// Gives the file its group and exact mode, unless another file took its place.
fn open_to(path: &Path, id: FileId, access: Access<'_>) -> Result<(), Error> {
    let file = SocketFile::open(path, id).map_err(|error| mode_failed(path, error))?;
    if let Some((name, gid)) = access.group {
        file.give(None, Some(gid)).map_err(|_| super::group::not_ours(name))?;
    }
    // The umask may have taken bits away that a group needs.
    file.change_mode(access.mode).map_err(|error| mode_failed(path, error))?;
    // Last: from here on the file is somebody else's.
    if let Some(owner) = access.owner {
        let what = format!("{} cannot be given to user {owner}", path.display());
        file.give(Some(owner), None).map_err(|error| failed(&what, error))?;
    }
    Ok(())
}

fn mode_failed(path: &Path, error: Errno) -> TransportError {
    failed(&format!("the mode of {} cannot be set", path.display()), error)
}

/// What to say of a step that failed: that this system has nothing left, or what was tried.
fn failed(step: &str, error: Errno) -> TransportError {
    match io::Error::from(error) {
        error if is_shortage(&error) => TransportError::Resources { source: error.into() },
        error => TransportError::BindFailed { attempts: vec![format!("{step}: {error}")] },
    }
}

/// A socket's file, held so that no link can come between check and change.
#[cfg(target_os = "linux")]
struct SocketFile {
    file: OwnedFd,
    mode: Mode,
}

#[cfg(target_os = "linux")]
impl SocketFile {
    fn open(path: &Path, id: FileId) -> rustix::io::Result<Self> {
        use rustix::fs::OFlags;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if file_id(&stat) != id {
            return Err(Errno::STALE);
        }
        Ok(Self { file, mode: Mode::from_raw_mode(stat.st_mode) })
    }

    fn give(&self, owner: Option<Uid>, group: Option<Gid>) -> rustix::io::Result<()> {
        rustix::fs::chownat(&self.file, "", owner, group, rustix::fs::AtFlags::EMPTY_PATH)
    }

    fn change_mode(&self, mode: Mode) -> rustix::io::Result<()> {
        use std::os::fd::AsRawFd as _;
        if self.mode == mode {
            return Ok(());
        }
        // fchmod refuses a descriptor like this one, and fchmodat has no flag for it before 6.6.
        rustix::fs::chmod(format!("/proc/self/fd/{}", self.file.as_raw_fd()), mode)
    }
}

/// A socket's file by its path, without following links.
#[cfg(not(target_os = "linux"))]
struct SocketFile<'a> {
    path: &'a Path,
}

#[cfg(not(target_os = "linux"))]
impl<'a> SocketFile<'a> {
    fn open(path: &'a Path, _: FileId) -> rustix::io::Result<Self> {
        Ok(Self { path })
    }

    fn give(&self, owner: Option<Uid>, group: Option<Gid>) -> rustix::io::Result<()> {
        use rustix::fs::{AtFlags, CWD};
        rustix::fs::chownat(CWD, self.path, owner, group, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn change_mode(&self, mode: Mode) -> rustix::io::Result<()> {
        use rustix::fs::{AtFlags, CWD};
        rustix::fs::chmodat(CWD, self.path, mode, AtFlags::SYMLINK_NOFOLLOW)
    }
}

const PREFIX: &str = "plugin";
const RANDOM: usize = 10;
const NAME_LENGTH: usize = PREFIX.len() + RANDOM;
/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;

const TOO_LONG: &str = if cfg!(target_os = "macos") {
    "its path is longer than 86 bytes, and a socket in it takes 17 of 103"
} else {
    "its path is longer than 90 bytes, and a socket in it takes 17 of 107"
};
const _: () = assert!(
    NAME_LENGTH == 16 && limits::SOCKET_PATH == if cfg!(target_os = "macos") { 103 } else { 107 },
    "the texts above say so"
);
const _: () = assert!(
    limits::SOCKET_DIR + 1 + NAME_LENGTH <= limits::SOCKET_PATH,
    "what a host may give is long enough for a socket"
);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    use super::*;

    #[test]
    fn what_lies_at_a_name_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name| dir.path().join(name);
        symlink(at("target"), at("link")).unwrap();
        std::fs::write(at("file"), "mine").unwrap();
        let live = UnixListener::bind(at("live")).unwrap();

        let socket = new_socket(Mode::RUSR | Mode::WUSR).unwrap();
        let names = ["link", "file", "live", "free", "unused"].map(|name| Ok(at(name)));
        assert_eq!(bind_to_free_name(&socket, names.into_iter()).unwrap(), at("free"));

        assert!(!at("target").exists() && at("link").is_symlink());
        assert_eq!(std::fs::read(at("file")).unwrap(), b"mine");
        assert!(at("live").symlink_metadata().unwrap().file_type().is_socket());
        drop(live);
    }

    #[test]
    fn attempts_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        std::fs::write(&path, "").unwrap();
        let socket = new_socket(Mode::RUSR).unwrap();
        let taken = names(dir.path()).map(|_| Ok(path.clone()));
        assert_eq!(bind_to_free_name(&socket, taken), Err(Errno::ADDRINUSE));
    }
}
