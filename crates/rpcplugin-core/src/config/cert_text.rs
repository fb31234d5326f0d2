//! Certificates and keys: text, URL or path. They are read when a configuration is resolved, so
//! that a wrong path ends that and not a later start.

use std::{fs::File, io, path::PathBuf};

use zeroize::Zeroizing;

use super::{Candidate, Form, Inner, Secret, Setting, Source, Value, file::open};
use crate::{ConfigError, Error, SecurityError};

/// How PEM begins; it is in no path that anybody uses.
const PEM: &str = "-----BEGIN ";

impl Inner {
    /// Puts the text in the place of URLs and paths, for the values that hold.
    pub(super) fn read_certificates(&mut self, problems: &mut Vec<Error>) {
        for &setting in Setting::ALL {
            let Some(winner) = self.stacks.get_mut(setting as usize).and_then(|s| s.last_mut())
            else {
                continue;
            };
            let read = match setting.form() {
                Form::Certificates => resolve(winner, false),
                Form::Key => resolve(winner, true),
                _ => continue,
            };
            match read {
                Ok(Some(value)) => winner.value = value,
                Ok(None) => {}
                Err(error) => problems.push(error),
            }
        }
    }
}

/// `None` if it is text already.
fn resolve(candidate: &Candidate, is_key: bool) -> Result<Option<Value>, Error> {
    let given = match &candidate.value {
        Value::Text(text) => text.as_str(),
        Value::Secret(secret) => secret.expose(),
        _ => return Ok(None),
    };
    if given.contains(PEM) {
        return Ok(None);
    }
    let path = PathBuf::from(path_of(given.trim()));
    let unreadable = |source: io::Error| {
        // What was meant as a key and is no path is not shown.
        let missing = is_key && source.kind() == io::ErrorKind::NotFound;
        let path = if missing { Secret::REDACTED.into() } else { path.clone() };
        let from: Box<Source> = Box::new(candidate.source.clone());
        Error::from(ConfigError::Unreadable { path, from, source })
    };
    let file = open::open(&path).map_err(unreadable)?;
    if is_key {
        check_mode(&file, &path).map_err(|error| match error {
            Ok(source) => unreadable(source),
            Err(error) => error.into(),
        })?;
    }
    let text = Zeroizing::new(open::read(file).map_err(unreadable)?);
    if !text.contains(PEM) {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidData, "it holds no PEM")));
    }
    Ok(Some(if is_key { Secret::from(text.as_str()).into() } else { text.as_str().into() }))
}

/// A path, or that of a `file://` URL of this machine.
fn path_of(given: &str) -> String {
    let Some(rest) = given.strip_prefix("file://") else { return given.to_owned() };
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.as_bytes();
    while let [first, others @ ..] = left {
        let decoded = match (first, others) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|d| u8::from_str_radix(d, 16).ok()),
            _ => None,
        };
        bytes.push(decoded.unwrap_or(*first));
        left = if decoded.is_some() { &others[2..] } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether nobody but its owner can read it.
#[cfg(unix)]
fn check_mode(file: &File, path: &std::path::Path) -> Result<(), Result<io::Error, SecurityError>> {
    let metadata = file.metadata().map_err(Ok)?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let reason = format!("it holds a key and others can reach it: mode {mode:04o}, not 0600");
    Err(Err(SecurityError::FilePermissions { path: path.to_owned(), reason }))
}

/// Windows keeps access lists, and gives a file that of its directory.
#[cfg(not(unix))]
fn check_mode(_: &File, _: &std::path::Path) -> Result<(), Result<io::Error, SecurityError>> {
    Ok(())
}
