//! Certificates and keys in files: whose they must be, and how they are replaced.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use ring::rand::{SecureRandom as _, SystemRandom};
use rpcplugin_core::{SecurityError, escape_text};
use zeroize::Zeroizing;

mod alone;
mod owner;
mod source;

pub(crate) use self::alone::alone_in;
pub use self::source::PemSource;

/// Nothing that is read here is larger: a bundle of all public authorities has 250 KB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What others may do with a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Secrecy {
    /// Read it, and whoever owns it says who may change it.
    Public,
    /// Read it, but not everybody may change it: who does so is trusted.
    Trusted,
    /// Nothing.
    Secret,
}

/// Reads a whole file, which is called by its `name` until it turns out to be one.
///
/// # Errors
///
/// `SECURITY_FILE_PERMISSIONS` for a secret that others can read or change, and for trust that
/// everybody can change; `SECURITY_CERT_INVALID` if it cannot be read.
pub(crate) fn read(
    path: &Path,
    name: &str,
    secrecy: Secrecy,
) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    let mut options = OpenOptions::new();
    options.read(true);
    owner::without_waiting(&mut options);
    let file =
        options.open(path).map_err(|error| invalid(format!("cannot read {name}: {error}")))?;
    let name = shown(path);
    let unreadable = |error: io::Error| invalid(format!("cannot read {name}: {error}"));
    // Of what was opened: the path may lead elsewhere by now.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(invalid(format!("{name} is no file")));
    }
    match secrecy {
        Secrecy::Public => {}
        Secrecy::Trusted => owner::not_everybodys(path, &metadata)?,
        Secrecy::Secret => owner::only_ours(path, &metadata, "others can read this key")?,
    }
    let too_long = || invalid(format!("{name} has more than {LARGEST} bytes"));
    if metadata.len() > LARGEST {
        return Err(too_long());
    }
    // Room for all of it at once: a buffer that grows leaves copies.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    // It may have grown since.
    if bytes.len() as u64 > LARGEST { Err(too_long()) } else { Ok(bytes) }
}

/// A path for a message.
pub(crate) fn shown(path: &Path) -> String {
    escape_text(&path.display().to_string())
}

/// Puts a key and its certificates in the place of others, each in one step: whoever reads a file
/// finds the old or the new one, whole, and a crash leaves one of the two. The two steps follow
/// each other at once, when both files are on the disk already.
///
/// A directory that is missing is made with mode 0700.
///
/// # Errors
///
/// `SECURITY_FILE_PERMISSIONS` if others can write to the directory of the key;
/// `SECURITY_CERT_INVALID` if either cannot be written.
pub(crate) fn replace_pair(
    key: (&Path, &[u8]),
    certificates: (&Path, &[u8]),
) -> Result<(), SecurityError> {
    let key = Temporary::write(key.0, key.1, Secrecy::Secret)?;
    let certificates = Temporary::write(certificates.0, certificates.1, Secrecy::Public)?;
    let directories = [key.directory.clone(), certificates.directory.clone()];
    key.rename()?;
    certificates.rename()?;
    // The renames themselves must outlive a crash too. Not every system can do it.
    for directory in directories {
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
    }
    Ok(())
}

/// Makes a directory for this user alone, or checks that it is one.
///
/// # Errors
///
/// `SECURITY_FILE_PERMISSIONS` if others own it or can enter it; `SECURITY_CERT_INVALID` if it
/// cannot be made.
pub(crate) fn private_directory(path: &Path) -> Result<(), SecurityError> {
    let impossible = |error: io::Error| invalid(format!("cannot use {}: {error}", shown(path)));
    owner::make_directory(path).map_err(impossible)?;
    owner::only_ours(path, &fs::metadata(path).map_err(impossible)?, "others can enter it")
}

/// A file beside another, which it will replace. It goes away unless it does.
struct Temporary<'a> {
    target: &'a Path,
    directory: PathBuf,
    path: PathBuf,
}

impl<'a> Temporary<'a> {
    fn write(target: &'a Path, bytes: &[u8], secrecy: Secrecy) -> Result<Self, SecurityError> {
        let directory = match target.parent() {
            Some(directory) if directory != Path::new("") => directory,
            _ => Path::new("."),
        };
        let failed = |error| unwritable(target, &error);
        owner::make_directory(directory).map_err(failed)?;
        if secrecy == Secrecy::Secret {
            owner::not_shared(directory)?;
        }
        let name = target.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let mut random = [0; 8];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| failed(io::Error::other("no random numbers")))?;
        let prefix = format!(".{}.", name.to_string_lossy());
        sweep(directory, &prefix);
        let suffix = u64::from_le_bytes(random);
        let path = directory.join(format!("{prefix}{suffix:016x}"));
        let temporary = Self { target, directory: directory.to_owned(), path };
        temporary.fill(bytes, secrecy).map_err(failed)?;
        Ok(temporary)
    }

    fn fill(&self, bytes: &[u8], secrecy: Secrecy) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        owner::mode(&mut options, if secrecy == Secrecy::Secret { 0o600 } else { 0o644 });
        let mut file = options.open(&self.path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(self) -> Result<(), SecurityError> {
        // What was renamed is not there any more for `drop` to remove.
        fs::rename(&self.path, self.target).map_err(|error| unwritable(self.target, &error))
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what writers of the same file left that were killed, and which may hold a key. Those
/// who are writing now are done long before such a file is that old.
fn sweep(directory: &Path, prefix: &str) {
    const OLD: Duration = Duration::from_secs(10 * 60);
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let suffix = name.to_str().and_then(|name| name.strip_prefix(prefix));
        let is_ours = suffix.is_some_and(|suffix| {
            suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let is_old = || {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > OLD))
        };
        if is_ours && is_old() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> SecurityError {
    invalid(format!("cannot write {}: {error}", shown(path)))
}

pub(crate) fn invalid(reason: impl Into<String>) -> SecurityError {
    SecurityError::CertInvalid { reason: reason.into() }
}
