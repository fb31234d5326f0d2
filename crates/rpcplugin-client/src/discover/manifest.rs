use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

use rpcplugin_core::{ConfigError, Error, MagicCookie, VersionSet};
use toml::{Table, Value};

use super::trust;

/// What a `NAME.plugin.toml` says of the plugin `NAME` beside it. Every key may be absent.
///
/// ```toml
/// arguments = ["--store", "/var/lib/kv"]
/// versions = [1, 2]
/// # One digest, or a list of them: SHA-256 in hexadecimal digits.
/// sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
///
/// [cookie]
/// key = "KV_PLUGIN_COOKIE"
/// value = "e2b6a1"
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Manifest {
    /// Arguments for the executable.
    pub arguments: Vec<String>,
    /// The cookie that it expects; `None` if it is the host's own.
    pub cookie: Option<MagicCookie>,
    /// The application versions that it serves; empty if that is not said.
    pub versions: Vec<u32>,
    /// Digests of the executable; empty if any will do.
    pub sha256: Vec<[u8; 32]>,
}

/// Bytes of a manifest.
const LONGEST: u64 = 64 * 1024;

impl Manifest {
    /// Reads a manifest; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// `CONFIG_FILE_NOT_FOUND` if it cannot be read, `CONFIG_FILE_SYNTAX` with line and column,
    /// `CONFIG_UNKNOWN_KEY` and `CONFIG_INVALID` with the key, `SECURITY_FILE_PERMISSIONS`.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let Some(text) = read_text(path)? else { return Ok(None) };
        Ok(Some(Self::parse(&text, path)?))
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(text).map_err(|error: toml::de::Error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            let reason = rpcplugin_core::escape_text(error.message());
            ConfigError::FileSyntax { path: path.to_owned(), line, column, reason }
        })?;
        let mut manifest = Self::default();
        for (key, value) in &table {
            let keyed = Keyed { path, key, value };
            match key.as_str() {
                "arguments" => manifest.arguments = keyed.arguments()?,
                "versions" => manifest.versions = keyed.versions()?,
                "sha256" => manifest.sha256 = keyed.digests()?,
                "cookie" => manifest.cookie = Some(keyed.cookie()?),
                _ => {
                    return Err(unknown(path, key, &["arguments", "cookie", "sha256", "versions"]));
                }
            }
        }
        Ok(manifest)
    }
}

/// The whole of a file that is to be trusted.
fn read_text(path: &Path) -> Result<Option<String>, Error> {
    let unreadable = |source| ConfigError::FileNotFound { path: path.to_owned(), source };
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        #[cfg(unix)]
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            let reason = "it is a symbolic link".to_owned();
            return Err(rpcplugin_core::SecurityError::FilePermissions {
                path: path.to_owned(),
                reason,
            }
            .into());
        }
        Err(error) => return Err(unreadable(error).into()),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is not a file")).into());
    }
    trust::check_writers(path, &metadata)?;
    let mut text = String::new();
    // One byte more, to see that there is more.
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LONGEST {
        return Err(unreadable(io::Error::other("it is longer than 64 KiB")).into());
    }
    Ok(Some(text))
}

/// A named pipe in the place of the file must not hold the host up, and a link that somebody else
/// made must not choose the file.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NONBLOCK | libc::O_NOFOLLOW,
    );
    options.open(path)
}

/// A value, and where it stands.
struct Keyed<'a> {
    path: &'a Path,
    key: &'a str,
    value: &'a Value,
}

impl Keyed<'_> {
    fn arguments(&self) -> Result<Vec<String>, ConfigError> {
        let texts = self.value.as_array().map(|list| list.iter().map(Value::as_str));
        let texts: Option<Vec<_>> = texts.and_then(Iterator::collect);
        let texts = texts.filter(|texts| !texts.iter().any(|text| text.contains('\0')));
        let texts = texts.ok_or_else(|| self.refuse("a list of texts without NUL"))?;
        Ok(texts.into_iter().map(str::to_owned).collect())
    }

    fn versions(&self) -> Result<Vec<u32>, ConfigError> {
        let list = self.value.as_array().map(|list| {
            list.iter().map(|version| u32::try_from(version.as_integer()?).ok()).collect()
        });
        let versions: Option<Vec<u32>> = list.flatten();
        versions
            .filter(|versions| VersionSet::new(versions.iter().copied()).is_ok())
            .ok_or_else(|| self.refuse("a list of versions from 0 to 2147483647, each once"))
    }

    fn digests(&self) -> Result<Vec<[u8; 32]>, ConfigError> {
        let digests: Option<Vec<_>> = match self.value {
            Value::String(one) => digest(one).map(|digest| vec![digest]),
            Value::Array(list) if !list.is_empty() => {
                list.iter().map(|one| digest(one.as_str()?)).collect()
            }
            _ => None,
        };
        digests.ok_or_else(|| self.refuse("64 hexadecimal digits, or a list of such texts"))
    }

    fn cookie(&self) -> Result<MagicCookie, ConfigError> {
        let expected = "a table with the texts key and value";
        let table = self.value.as_table().ok_or_else(|| self.refuse(expected))?;
        if let Some(key) = table.keys().find(|key| !["key", "value"].contains(&key.as_str())) {
            return Err(unknown(
                self.path,
                &format!("cookie.{key}"),
                &["cookie.key", "cookie.value"],
            ));
        }
        let text = |key| table.get(key).and_then(Value::as_str).map(str::to_owned);
        let (Some(key), Some(value)) = (text("key"), text("value")) else {
            // Not the value itself: it is a secret.
            return Err(self.refuse_as("[redacted]", expected));
        };
        let cookie = MagicCookie::from_parts(key, value);
        match cookie.value_for_launch() {
            Ok(_) => Ok(cookie),
            Err(_) => {
                Err(self
                    .refuse_as("[redacted]", "a key and a value that can stand in an environment"))
            }
        }
    }

    fn refuse(&self, expected: &'static str) -> ConfigError {
        self.refuse_as(&self.value.to_string(), expected)
    }

    fn refuse_as(&self, value: &str, expected: &'static str) -> ConfigError {
        /// Enough to recognise it by.
        const SHOWN: usize = 80;
        let value = rpcplugin_core::escape_text(&value.chars().take(SHOWN).collect::<String>());
        let (path, key, value) = (self.path.into(), self.key.into(), value.into());
        ConfigError::FileValue { path, key, value, expected }
    }
}

fn unknown(path: &Path, key: &str, known: &'static [&'static str]) -> ConfigError {
    let key = rpcplugin_core::escape_text(key);
    ConfigError::UnknownKey { path: path.to_owned(), key, known }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// Line and column of an offset, both from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
