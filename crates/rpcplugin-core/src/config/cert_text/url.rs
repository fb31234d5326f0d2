//! `file://` URLs.

use std::path::PathBuf;

const SCHEME: &str = "file://";
const NONE: &str = "it is not the URL of a file of this machine: file:///absolute/path, with two \
                    hexadecimal digits after each %";

pub(super) fn is_url(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// A path as it is, or that of a URL, its escapes undone.
pub(super) fn path(given: &str) -> Result<PathBuf, &'static str> {
    let Some(rest) = given.strip_prefix(SCHEME) else { return Ok(given.into()) };
    // What stands before the first slash is a host.
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    if !rest.starts_with('/') {
        return Err(NONE);
    }
    let path = decoded(rest).and_then(from_bytes).ok_or(NONE)?;
    if path.is_absolute() { Ok(path) } else { Err(NONE) }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            byte => byte,
        });
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(std::ffi::OsString::from_vec(bytes).into())
}

/// `/C:/certificates` is `C:\certificates` there.
#[cfg(not(unix))]
fn from_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    let text = String::from_utf8(bytes).ok()?;
    Some(text.strip_prefix('/').unwrap_or(&text).into())
}
