//! Certificates and keys in files: whose they must be, and how they are replaced.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use ring::rand::{SecureRandom as _, SystemRandom};
use rpcplugin_core::SecurityError;
use zeroize::Zeroizing;

mod owner;
mod source;

pub use self::source::PemSource;

/// Nothing that is read here is larger: a bundle of all public authorities has 250 KB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Whether others may know what a file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Secrecy {
    Public,
    Secret,
}

/// Reads a whole file.
///
/// # Errors
///
/// `SECURITY_FILE_PERMISSIONS` for a secret that others can read or change;
/// `SECURITY_CERT_INVALID` if it cannot be read.
pub(crate) fn read(path: &Path, secrecy: Secrecy) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    let unreadable = |error: io::Error| invalid(format!("cannot read {}: {error}", path.display()));
    let mut options = OpenOptions::new();
    options.read(true);
    owner::without_waiting(&mut options);
    let file = options.open(path).map_err(unreadable)?;
    // Of what was opened: the path may lead elsewhere by now.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(invalid(format!("{} is no file", path.display())));
    }
    if secrecy == Secrecy::Secret {
        owner::only_ours(path, &metadata, "others can read this key")?;
    }
    if metadata.len() > LARGEST {
        return Err(invalid(format!("{} has more than {LARGEST} bytes", path.display())));
    }
    // Room for all of it at once: a buffer that grows leaves copies.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    file.take(LARGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Puts a file in the place of another in one step: whoever reads it finds the old or the new
/// one, whole, and a crash leaves one of the two.
///
/// A directory that is missing is made with mode 0700.
///
/// # Errors
///
/// `SECURITY_FILE_PERMISSIONS` if others can write to the directory of a secret;
/// `SECURITY_CERT_INVALID` if it cannot be written.
pub(crate) fn replace(path: &Path, bytes: &[u8], secrecy: Secrecy) -> Result<(), SecurityError> {
    let unwritable =
        |error: io::Error| invalid(format!("cannot write {}: {error}", path.display()));
    let directory = match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    owner::make_directory(directory).map_err(unwritable)?;
    if secrecy == Secrecy::Secret {
        owner::not_shared(directory)?;
    }
    let temporary = Temporary::beside(path, directory).map_err(unwritable)?;
    temporary.fill(bytes, secrecy).map_err(unwritable)?;
    fs::rename(&temporary.path, path).map_err(unwritable)?;
    std::mem::forget(temporary);
    // The rename itself must outlive a crash too. Not every system can do it.
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
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
    let impossible = |error: io::Error| invalid(format!("cannot use {}: {error}", path.display()));
    owner::make_directory(path).map_err(impossible)?;
    owner::only_ours(path, &fs::metadata(path).map_err(impossible)?, "others can enter it")
}

/// A file that goes away unless it is renamed.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn beside(path: &Path, directory: &Path) -> io::Result<Self> {
        let mut random = [0; 8];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no random numbers"))?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        let suffix = u64::from_le_bytes(random);
        Ok(Self { path: directory.join(format!(".{name}.{suffix:016x}")) })
    }

    fn fill(&self, bytes: &[u8], secrecy: Secrecy) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        owner::mode(&mut options, if secrecy == Secrecy::Secret { 0o600 } else { 0o644 });
        let mut file = options.open(&self.path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

pub(crate) fn invalid(reason: impl Into<String>) -> SecurityError {
    SecurityError::CertInvalid { reason: reason.into() }
}
