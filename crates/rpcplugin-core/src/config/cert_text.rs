//! Certificates, keys and cookies: text, URL or path. They are read when a configuration is
//! resolved, so that a wrong path ends that and not a later start.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{Candidate, Form, Inner, Secret, Setting, Value, file::open, problem};
use crate::{ConfigError, Error, SecurityError};

mod url;

/// How PEM begins; it is in no path that anybody uses.
pub(super) const PEM: &str = "-----BEGIN ";
/// No system opens a longer path. A longer text was meant as something else.
const LONGEST_PATH: usize = 4096;

impl Inner {
    /// Puts the text in the place of URLs and paths, for the values that hold.
    pub(super) fn read_certificates(&mut self, problems: &mut Vec<Error>) {
        for &setting in Setting::ALL {
            let Some(winner) = self.stacks.get_mut(setting as usize).and_then(|s| s.last_mut())
            else {
                continue;
            };
            let read = match setting.form() {
                Form::Certificates | Form::Key => pem(winner, setting),
                Form::Secret => secret(winner, setting),
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
fn pem(candidate: &Candidate, setting: Setting) -> Result<Option<Value>, Error> {
    let is_key = setting.is_secret();
    let given = match &candidate.value {
        Value::Text(text) => text.as_str(),
        Value::Secret(secret) => secret.expose(),
        _ => return Ok(None),
    };
    if given.contains(PEM) {
        return Ok(None);
    }
    let mut named = named(candidate, given.trim(), is_key)?;
    if matches!(setting, Setting::CaCert | Setting::ClientRootCerts | Setting::ServerRootCerts) {
        named.access = Access::Trusted;
    }
    let text = named.read()?;
    if !text.expose().contains(PEM) {
        return Err(named.unreadable(invalid_data("it holds no PEM")));
    }
    Ok(Some(if is_key { text.into() } else { text.expose().into() }))
}

/// Only a URL is told from text: a path may be a cookie.
fn secret(candidate: &Candidate, setting: Setting) -> Result<Option<Value>, Error> {
    let Value::Secret(given) = &candidate.value else { return Ok(None) };
    if !url::is_url(given.expose()) {
        return Ok(None);
    }
    let text = named(candidate, given.expose(), true)?.read()?;
    // Editors end a file's last line.
    let line = text.expose();
    let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    let value = Value::from(Secret::from(line));
    if !setting.form().admits(&value) {
        return Err(problem::invalid(setting, value.to_string(), candidate.source.clone()).into());
    }
    Ok(Some(value))
}

/// A file that somebody named as the place of a value.
struct Named<'a> {
    candidate: &'a Candidate,
    path: PathBuf,
    access: Access,
}

/// Who must not have which access to a file.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Access {
    /// It does not matter.
    Any,
    /// Whoever writes it says whom we trust: not everybody.
    Trusted,
    /// Nobody but its owner reads or writes it.
    Secret,
}

fn named<'a>(candidate: &'a Candidate, given: &str, is_secret: bool) -> Result<Named<'a>, Error> {
    let access = if is_secret { Access::Secret } else { Access::Any };
    let path = match url::path(given) {
        Ok(path) => path,
        Err(reason) => {
            let named = Named { candidate, path: given.into(), access };
            return Err(named.hidden(invalid_data(reason), is_secret));
        }
    };
    Ok(Named { candidate, path, access })
}

impl Named<'_> {
    fn read(&self) -> Result<Secret, Error> {
        let too_long = self.path.as_os_str().len() > LONGEST_PATH;
        let file = if too_long {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is too long for a path"))
        } else {
            open::open(&self.path)
        };
        let file = file.map_err(|error| {
            // What is no path may be the secret itself, and a key may stand in the place of its
            // certificate. What the system keeps from us, it knows as a path.
            let path_like = match error.kind() {
                io::ErrorKind::PermissionDenied => true,
                io::ErrorKind::NotFound => self.access != Access::Secret,
                _ => false,
            };
            self.hidden(error, !path_like)
        })?;
        if self.access != Access::Any {
            let metadata = file.metadata().map_err(|error| self.unreadable(error))?;
            check_access(&metadata, &self.path, self.access)?;
        }
        open::read(file).map(Secret::wiping).map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, source: io::Error) -> Error {
        self.hidden(source, false)
    }

    fn hidden(&self, source: io::Error, is_hidden: bool) -> Error {
        let path = if is_hidden { Secret::REDACTED.into() } else { self.path.clone() };
        let from = Box::new(self.candidate.source.clone());
        ConfigError::Unreadable { path, from, source }.into()
    }
}

fn invalid_data(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// For a secret, whether nobody but its owner can read it, and its owner is who runs this, or the
/// superuser; for what is trusted, whether not everybody can write to it.
#[cfg(unix)]
fn check_access(
    metadata: &std::fs::Metadata,
    path: &Path,
    access: Access,
) -> Result<(), SecurityError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let refused = |reason| Err(SecurityError::FilePermissions { path: path.to_owned(), reason });
    let mode = metadata.permissions().mode() & 0o7777;
    if access == Access::Trusted {
        return match mode & 0o002 {
            0 => Ok(()),
            _ => refused(format!("it says whom to trust and all can write it: mode {mode:04o}")),
        };
    }
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return refused(format!("it holds a secret and belongs to another user, {owner}"));
    }
    if mode & 0o077 != 0 {
        let reason = "it holds a secret and others can reach it";
        return refused(format!("{reason}: mode {mode:04o}, not 0600"));
    }
    Ok(())
}

/// Windows keeps access lists, and gives a file that of its directory.
#[cfg(not(unix))]
fn check_access(_: &std::fs::Metadata, _: &Path, _: Access) -> Result<(), SecurityError> {
    Ok(())
}
