//! Starting the very bytes that were hashed.
//!
//! **Invariant:** from the first byte that is hashed on, the program's name is not looked at
//! again: what runs is a copy that nobody else can reach, and whose own bytes were hashed.

use std::{
    ffi::{CString, OsStr, OsString},
    fs::{File, Permissions},
    io::{self, Read as _, Seek as _},
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::{OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    process::Command,
};

use rpcplugin_core::{ConfigError, Error, SecurityError};
use rpcplugin_transport::PrivateDir;
use rustix::fs::{Access, Mode, OFlags, access};
use tokio_util::sync::CancellationToken;

#[cfg(target_os = "linux")]
use super::image;
use super::refusal::Attempt;
use crate::{
    integrity::{Digests, hex},
    sys::{Program, ProgramFile},
};

/// A copy of a program that may start.
#[derive(Debug)]
pub(super) struct Verified {
    file: ProgramFile,
    /// Where a private copy lies. It must outlive the process, which may read it again.
    pub(super) directory: Option<PrivateDir>,
}

impl Verified {
    /// Checks the program that `attempt` found, copies it, and checks the copy. Blocks for as long
    /// as reading and hashing it takes, or until `stop` is cancelled.
    ///
    /// # Errors
    ///
    /// `SECURITY_CHECKSUM_MISMATCH`; the `HANDSHAKE_SPAWN_…` codes for a program that cannot be
    /// read or run; `CONFIG_SOCKET_DIR` if there is no place for a private copy.
    pub(super) fn make(
        attempt: &Attempt,
        digests: &Digests,
        place: &Place,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        attempt.check()?;
        let Some(found) = attempt.found() else {
            return Err(attempt.explain(io::Error::from_raw_os_error(libc::ENOENT)).into());
        };
        let explain = |error: io::Error| Error::from(attempt.explain(error));
        let mut original = open(found).map_err(explain)?;
        let size = original.metadata().map_err(explain)?.len();
        let name = found.file_name().unwrap_or(OsStr::new("plugin"));
        let judge = |digest: Vec<u8>| match digests.allow(&digest) {
            true => Ok(()),
            false => Err(SecurityError::ChecksumMismatch {
                path: found.to_owned(),
                algorithm: digests.algorithm.as_str(),
                expected: digests.to_string(),
                found: hex(&digest),
            }),
        };
        // What is not to run, however large it is, takes neither memory nor space.
        let digest = copy(&mut original, size, &mut io::sink(), digests, stop).map_err(explain)?;
        judge(digest)?;
        #[cfg(target_os = "linux")]
        if image::is_native(&original)
            && let Some(mut memory) = memory(name)
        {
            let digest = copy(&mut original, size, &mut memory, digests, stop).map_err(explain)?;
            // The file can have been written to meanwhile.
            judge(digest)?;
            rustix::fs::fcntl_add_seals(&memory, seals()).map_err(|error| explain(error.into()))?;
            return Ok(Self { file: ProgramFile::Open(memory.into()), directory: None });
        }
        let directory = PrivateDir::create(&place.bases, None)?;
        let path = directory.path().join(name);
        let (directory_mode, mode) =
            if place.for_another_user { (0o711, 0o555) } else { (0o700, 0o500) };
        let full = |error: io::Error| match error.kind() {
            // Only writing can find that.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => no_room(&directory, error),
            _ => explain(error),
        };
        let mut target = create(&path).map_err(full)?;
        copy(&mut original, size, &mut target, digests, stop).map_err(full)?;
        target.set_permissions(Permissions::from_mode(mode)).map_err(explain)?;
        drop(target);
        let copied = File::open(&path)
            .and_then(|mut copied| copy(&mut copied, u64::MAX, &mut io::sink(), digests, stop));
        judge(copied.map_err(explain)?)?;
        open_to(directory.path(), directory_mode).map_err(explain)?;
        let file = CString::new(path.into_os_string().into_vec());
        let file = file.map_err(|error| explain(error.into()))?;
        Ok(Self { file: ProgramFile::Path(file), directory: Some(directory) })
    }

    /// Where it is, if it has a name.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match &self.file {
            #[cfg(target_os = "linux")]
            ProgramFile::Open(_) => None,
            ProgramFile::Path(path) => Some(PathBuf::from(OsStr::from_bytes(path.as_bytes()))),
        }
    }

    /// The program with the arguments and the whole environment of `command`.
    pub(super) fn program(self, command: &Command) -> io::Result<(Program, Option<PrivateDir>)> {
        let arguments = std::iter::once(command.get_program()).chain(command.get_args());
        let arguments = arguments.map(|word| CString::new(word.as_bytes()));
        let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let variables = variables.map(|(name, value)| {
            let entry: OsString = [name, OsStr::new("="), value].into_iter().collect();
            CString::new(entry.into_vec())
        });
        let arguments = arguments.collect::<Result<_, _>>()?;
        Ok((
            Program::new(self.file, arguments, variables.collect::<Result<_, _>>()?),
            self.directory,
        ))
    }
}

/// Where a private copy may lie, and who must be able to read it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) bases: Vec<PathBuf>,
    pub(crate) for_another_user: bool,
}

/// Opens the file that `found` is a name of, once.
///
/// Links are resolved before, so one that takes its place meanwhile is refused.
fn open(found: &Path) -> io::Result<File> {
    let path = found.canonicalize()?;
    // What may not be executed must not be executed by way of a copy.
    access(&path, Access::EXEC_OK)?;
    // Opening a named pipe would wait for somebody to write to it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::from_raw_os_error(libc::EACCES));
    }
    Ok(file)
}

/// Copies at most `size` bytes, as many as the file had when it was opened: one that grows under
/// our hands must not keep us for ever, and then matches nothing. Returns the digest of what was
/// copied.
fn copy(
    from: &mut File,
    size: u64,
    to: &mut impl io::Write,
    digests: &Digests,
    stop: &CancellationToken,
) -> io::Result<Vec<u8>> {
    const BLOCK: usize = 64 * 1024;
    let mut hasher = digests.algorithm.hasher();
    let mut block = vec![0; BLOCK];
    from.rewind()?;
    let mut from = from.take(size);
    loop {
        if stop.is_cancelled() {
            return Err(io::Error::other("nobody waits for it any longer"));
        }
        match from.read(&mut block) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(length) => {
                hasher.update(&block[..length]);
                to.write_all(&block[..length])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn no_room(directory: &PrivateDir, source: io::Error) -> Error {
    let path = directory.path().parent().unwrap_or(directory.path()).to_owned();
    let reason = "it has no room for a private copy of the program";
    ConfigError::SocketDir { path, reason, source: Some(source) }.into()
}

/// A file in memory that can be executed; `None` where the system forbids that.
#[cfg(target_os = "linux")]
fn memory(name: &OsStr) -> Option<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    /// As much of the name as such a file can have.
    const LONGEST_NAME: usize = 200;
    let name = name.as_bytes();
    let name = &name[..name.len().min(LONGEST_NAME)];
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let made = match memfd_create(name, flags | MemfdFlags::EXEC) {
        // Before Linux 6.3 there is no such flag, and they can always be executed.
        Err(rustix::io::Errno::INVAL) => memfd_create(name, flags),
        made => made,
    };
    made.ok().map(File::from)
}

/// Against every change, also by us.
#[cfg(target_os = "linux")]
fn seals() -> rustix::fs::SealFlags {
    use rustix::fs::SealFlags;
    SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL
}

fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

fn open_to(directory: &Path, mode: u32) -> io::Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = rustix::fs::open(directory, flags, Mode::empty())?;
    File::from(open).set_permissions(Permissions::from_mode(mode))
}
