use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rpcplugin_core::{ConfigError, Error, TransportError, limits};
use rustix::{
    fs::{Gid, Mode, Stat},
    io::Errno,
};

use super::{
    group,
    lock::{self, Lock},
    removal::{self, FileId, file_id},
    sweep,
};
use crate::{connector::is_shortage, random};

mod inherit;

/// A directory with a random name that belongs to this process alone, for sockets.
///
/// Dropping it removes it with all that is in it: up to 10 000 files, 16 levels deep, without
/// following links. Dropping blocks for as long as the file system takes.
///
/// It is locked for as long as this process lives, so that what a process that was killed leaves
/// is known as such: the first time a process [creates](PrivateDir::create) a directory in a base,
/// a thread [sweeps](PrivateDir::sweep) there.
#[derive(Debug)]
pub struct PrivateDir {
    path: PathBuf,
    directory: OwnedFd,
    id: FileId,
}

impl PrivateDir {
    /// Makes `rpcplugin-XXXXXX` with mode 0700 in the first of `bases` where that works, or in
    /// `/tmp` if none is given. With a group, the directory gets that group and mode 0770.
    ///
    /// A base is passed over if the result would be longer than
    /// [`SOCKET_DIR`](limits::SOCKET_DIR) bytes, cannot stand on a handshake line, or cannot be
    /// made; so list shorter ones after longer ones, and `/tmp` last.
    ///
    /// # Errors
    ///
    /// `CONFIG_SOCKET_DIR` with the first base and what is wrong with it, `CONFIG_SOCKET_GROUP`
    /// if the group is unknown or not ours, `TRANSPORT_RESOURCES` if no descriptor or memory is
    /// left.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_transport::PrivateDir;
    ///
    /// let directory = PrivateDir::create(Some(std::env::temp_dir()), None)?;
    /// let path = directory.path().to_owned();
    /// std::fs::write(path.join("left behind"), "")?;
    /// drop(directory);
    /// assert!(!path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create<P: AsRef<Path>>(
        bases: impl IntoIterator<Item = P>,
        group: Option<&str>,
    ) -> Result<Self, Error> {
        // A plugin of another user in the group must be able to create its socket inside.
        let made = Self::create_for(bases, group, Mode::RWXU | Mode::RWXG)?;
        if let Some(base) = made.path.parent() {
            sweep::once_in_background(base);
        }
        Ok(made)
    }

    /// As [`create`](Self::create), with this mode if there is a group.
    pub(super) fn create_for<P: AsRef<Path>>(
        bases: impl IntoIterator<Item = P>,
        group: Option<&str>,
        group_mode: Mode,
    ) -> Result<Self, Error> {
        let find = |name| Ok::<_, Error>((name, group::find(name)?, group_mode));
        let group = group.map(find).transpose()?;
        let mut bases = bases.into_iter();
        let first = bases.next().map_or_else(|| "/tmp".into(), |base| base.as_ref().to_owned());
        let create = |base: &Path| Self::create_in(base, group);
        create(&first).or_else(|error| match error.code() {
            // Another base does not help against anything else.
            "CONFIG_SOCKET_DIR" => bases.find_map(|base| create(base.as_ref()).ok()).ok_or(error),
            _ => Err(error),
        })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a path ends in a name that [`create`](Self::create) could have given.
    #[must_use]
    pub fn is_named_so(path: &Path) -> bool {
        path.file_name().is_some_and(|name| is_name(name.as_encoded_bytes()))
    }

    /// Removes from `base` what processes of this user that are gone left there of such
    /// directories, and returns how many that were.
    ///
    /// A directory stays if the process that made it lives, or one that it is
    /// [kept for](PrivateDir::keep_for), if this cannot be told, or if it does not look like one of
    /// these in name, owner and mode. At most 2000 are removed, and at most 100 000 names are read;
    /// links are not followed. Blocks for as long as the file system takes.
    ///
    /// # Errors
    ///
    /// The system's reason, if `base` cannot be read.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_transport::PrivateDir;
    ///
    /// let base = tempfile::tempdir()?;
    /// let live = PrivateDir::create([base.path()], None)?;
    /// assert_eq!(PrivateDir::sweep(base.path())?, 0);
    /// assert!(live.path().exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sweep(base: &Path) -> io::Result<usize> {
        sweep::sweep(base)
    }

    /// Keeps the directory at `path` from being swept while the process `pid` lives, even if this
    /// one does not: for a plugin that is to outlive its host.
    ///
    /// # Errors
    ///
    /// The system's reason, if the note that this leaves in the directory cannot be written.
    pub fn keep_for(path: &Path, pid: u32) -> io::Result<()> {
        lock::keep_for(&removal::open(path)?, pid)
    }

    fn create_in(base: &Path, group: Option<(&str, Gid, Mode)>) -> Result<Self, Error> {
        let refuse = |reason, source: Option<Errno>| match source.map(io::Error::from) {
            Some(error) if is_shortage(&error) => {
                Error::from(TransportError::Resources { source: error.into() })
            }
            source => ConfigError::SocketDir { path: base.to_owned(), reason, source }.into(),
        };
        check_form(base).map_err(|reason| refuse(reason, None))?;
        if base.as_os_str().len() > limits::SOCKET_BASE {
            return Err(refuse(TOO_LONG, None));
        }
        let (path, directory, stat) =
            make(base).map_err(|(reason, error)| refuse(reason, Some(error)))?;
        let is_ours = stat.st_uid == rustix::process::geteuid().as_raw()
            && Mode::from_raw_mode(stat.st_mode) == Mode::RWXU;
        if !is_ours {
            return Err(refuse("the directory made in it was replaced by another", None));
        }
        // From here on dropping it removes it.
        let made = Self { path, directory, id: file_id(&stat) };
        if let Some((name, gid, mode)) = group {
            rustix::fs::fchown(&made.directory, None, Some(gid))
                .map_err(|_| group::not_ours(name))?;
            rustix::fs::fchmod(&made.directory, mode)
                .map_err(|error| refuse("its mode cannot be set", Some(error)))?;
        }
        Ok(made)
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        if let Err(error) = removal::remove_contents(&self.directory) {
            tracing::debug!(path = %self.path.display(), %error, "socket directory not emptied");
        }
        // Whoever may write in the base can have put another directory in this place.
        if rustix::fs::lstat(&self.path).is_ok_and(|stat| file_id(&stat) == self.id)
            && let Err(error) = rustix::fs::rmdir(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "socket directory not removed");
        }
    }
}

/// Whether sockets of this directory can be announced on a handshake line.
pub(super) fn check_form(directory: &Path) -> Result<(), &'static str> {
    let Some(text) = directory.to_str() else {
        return Err("its path is not UTF-8");
    };
    if !directory.is_absolute() {
        return Err("its path is not absolute");
    }
    if text.contains(|c: char| c == '|' || c.is_control()) {
        return Err("its path holds a character that the handshake line cannot carry");
    }
    Ok(())
}

/// Makes a directory with a name that was free, and locks it.
fn make(base: &Path) -> Result<(PathBuf, OwnedFd, Stat), (&'static str, Errno)> {
    // A name that exists is as good as impossible. A process that does nothing but sweep can come
    // first again and again, although not for ever.
    const ATTEMPTS: usize = 1000;
    let cannot_make = "no directory can be made in it";
    let mut last = Errno::EXIST;
    for _ in 0..ATTEMPTS {
        let name = random::name(PREFIX, RANDOM).map_err(|_| (cannot_make, Errno::IO))?;
        let path = base.join(name);
        match rustix::fs::mkdir(&path, Mode::RWXU) {
            Ok(()) => {}
            Err(error @ (Errno::EXIST | Errno::INTR)) => {
                last = error;
                continue;
            }
            Err(error) => return Err((cannot_make, error)),
        }
        match seal(&path) {
            Ok(Some((directory, stat))) => return Ok((path, directory, stat)),
            // A sweep came before the lock, and has taken the directory for one that was left.
            Ok(None) => std::thread::yield_now(),
            Err(error) => {
                // If somebody put something else in its place, that is not empty, or not ours to
                // remove.
                let _ = rustix::fs::rmdir(&path);
                return Err(("the directory made in it cannot be opened", error));
            }
        }
    }
    Err((cannot_make, last))
}

/// Opens and locks a directory that has just been made; `None` if it is gone again.
fn seal(path: &Path) -> rustix::io::Result<Option<(OwnedFd, Stat)>> {
    let directory = match removal::open(path) {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened?,
    };
    if lock::try_lock(&directory) == Lock::HeldByAnother || !removal::is_at(&directory, path)? {
        return Ok(None);
    }
    // The umask and a base with the set-group-ID bit have a say in what mkdir makes.
    rustix::fs::fchmod(&directory, Mode::RWXU)?;
    let stat = rustix::fs::fstat(&directory)?;
    Ok(Some((directory, stat)))
}

/// Whether a file has the name of a private directory.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX.as_bytes())
        .is_some_and(|random| random.len() == RANDOM && random.iter().all(random::is_in_name))
}

const PREFIX: &str = "rpcplugin-";
const RANDOM: usize = 8;
const NAME_LENGTH: usize = PREFIX.len() + RANDOM;
const TOO_LONG: &str =
    "its path is longer than 61 bytes, and a directory for sockets takes 19 of 80";
const _: () = assert!(
    limits::SOCKET_DIR == 80 && limits::SOCKET_BASE == 61 && NAME_LENGTH == 18,
    "the text above says so"
);
