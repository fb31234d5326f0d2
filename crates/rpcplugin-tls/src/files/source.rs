use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

use rpcplugin_core::SecurityError;
use zeroize::Zeroizing;

use super::{Secrecy, invalid, read, shown};

/// Where certificates or a key are found: PEM text itself, or a file that holds it.
///
/// From text it is what the settings are: PEM, a `file://` URL with a whole path, or a path. Text
/// of the last kind may be a key that was meant to be PEM, so `Debug` does not show it, and errors
/// do not where a key is wanted.
///
/// # Example
///
/// ```
/// use rpcplugin_tls::PemSource;
///
/// let file = PemSource::from("file:///etc/kv/tls%20certificates/ca.crt");
/// assert_eq!(file, PemSource::from(std::path::Path::new("/etc/kv/tls certificates/ca.crt")));
/// let text = PemSource::from("-----BEGIN CERTIFICATE-----\n…");
/// assert_eq!(format!("{text:?}"), "PemSource::Text(..)");
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct PemSource(Place);

#[derive(Clone, Eq, PartialEq)]
enum Place {
    Text(Zeroizing<String>),
    File(PathBuf),
    /// Without a header it is taken for a path, and may be anything.
    Unknown(Zeroizing<String>),
    /// A URL that leads to no file of this machine.
    Elsewhere,
}

impl PemSource {
    /// The file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Text(_) | Place::Elsewhere => None,
            Place::File(path) => Some(path),
            Place::Unknown(text) => Some(Path::new(text.as_str())),
        }
    }

    /// Reads it. **Blocks** on the file.
    pub(crate) fn read(&self, secrecy: Secrecy) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        match &self.0 {
            Place::Text(text) => Ok(Zeroizing::new(text.as_bytes().to_vec())),
            Place::File(path) => read(path, &shown(path), secrecy),
            Place::Unknown(text) => {
                let path = Path::new(text.as_str());
                // A whole certificate or key is longer, and no name of a file is.
                let harmless = secrecy != Secrecy::Secret && text.len() <= 255;
                read(path, if harmless { shown(path) } else { REDACTED.into() }.as_str(), secrecy)
            }
            Place::Elsewhere => {
                Err(invalid("the URL has to be file:/// with a whole path, or file://localhost/"))
            }
        }
    }

    /// Says in an error where the trouble is.
    pub(crate) fn blame(&self, error: SecurityError) -> SecurityError {
        match (error, self.path()) {
            // Whoever blames it has read it, so it is a path.
            (SecurityError::CertInvalid { reason }, Some(path)) => {
                invalid(format!("{}: {reason}", shown(path)))
            }
            (error, _) => error,
        }
    }
}

impl From<&str> for PemSource {
    fn from(text: &str) -> Self {
        if text.contains("-----BEGIN ") {
            return Self(Place::Text(Zeroizing::new(text.to_owned())));
        }
        match text.strip_prefix("file://") {
            Some(rest) => {
                let rest = rest.strip_prefix("localhost").unwrap_or(rest);
                Self(match rest.starts_with('/') {
                    true => Place::File(decoded(rest)),
                    false => Place::Elsewhere,
                })
            }
            None => Self(Place::Unknown(Zeroizing::new(text.to_owned()))),
        }
    }
}

impl From<&Path> for PemSource {
    fn from(path: &Path) -> Self {
        Self(Place::File(path.to_owned()))
    }
}

impl From<PathBuf> for PemSource {
    fn from(path: PathBuf) -> Self {
        Self(Place::File(path))
    }
}

impl fmt::Debug for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            // It may be a key.
            Place::Text(_) => f.write_str("PemSource::Text(..)"),
            Place::File(path) => write!(f, "PemSource::File({path:?})"),
            Place::Unknown(_) => write!(f, "PemSource::File({REDACTED})"),
            Place::Elsewhere => f.write_str("PemSource::Elsewhere"),
        }
    }
}

const REDACTED: &str = "[redacted]";

/// The path of a URL, its escapes undone.
fn decoded(url: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'%').then(|| tail.get(..2)).flatten();
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .filter(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    from_bytes(bytes)
}

fn from_bytes(bytes: Vec<u8>) -> PathBuf {
    #[cfg(unix)]
    return <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&bytes).into();
    #[cfg(not(unix))]
    {
        // `/C:/certificates` is C:\certificates there.
        let text = String::from_utf8_lossy(&bytes);
        OsStr::new(text.strip_prefix('/').unwrap_or(&text)).into()
    }
}
