//! From the text of a variable or a file to a value.

use std::{ffi::OsString, net::IpAddr, path::Path, time::Duration};

use zeroize::Zeroize as _;

use crate::{
    Network,
    config::{
        CertKeyType, Form, LogLevel, ReflectionMode, Secret, Setting, TlsMinVersion, Value,
        form::Unit,
    },
    env,
};

/// A value as it was written. It may be a secret, and is wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub(crate) enum Raw {
    /// A text, or whatever stands there, as text.
    Text(String),
    /// A list of texts, as files have them.
    #[cfg_attr(not(feature = "config-files"), expect(dead_code, reason = "no parser makes one"))]
    List(Vec<String>),
    /// Bytes that are no text; only a path may be such.
    Bytes(OsString),
}

impl Drop for Raw {
    fn drop(&mut self) {
        match self {
            Self::Text(text) => text.zeroize(),
            Self::List(items) => items.zeroize(),
            Self::Bytes(bytes) => std::mem::take(bytes).into_encoded_bytes().zeroize(),
        }
    }
}

impl Raw {
    /// For errors.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(items) => format!("[{}]", items.join(", ")),
            Self::Bytes(bytes) => bytes.to_string_lossy().into_owned(),
        }
    }

    /// The items of a list: `a,b`, `["a","b"]`, or a list of a file.
    fn items(&self) -> Option<Vec<String>> {
        let text = match self {
            Self::List(items) => return Some(items.clone()),
            Self::Bytes(_) => return None,
            Self::Text(text) => text.trim(),
        };
        if text.starts_with('[') {
            let items: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
            return items
                .into_iter()
                .map(|item| match item {
                    serde_json::Value::String(text) => Some(text),
                    serde_json::Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
                .collect();
        }
        Some(text.split(',').map(|item| item.trim().to_owned()).collect())
    }
}

impl Form {
    /// Reads and checks; `None` for what is not admitted.
    pub(crate) fn read(self, raw: &Raw) -> Option<Value> {
        let value = match (self, raw) {
            (Self::Paths, Raw::Text(text)) => Value::Paths(std::env::split_paths(text).collect()),
            (Self::Paths, Raw::Bytes(text)) => Value::Paths(std::env::split_paths(text).collect()),
            (Self::Path | Self::AbsolutePath, Raw::Bytes(path)) => Value::Path(path.into()),
            (Self::Networks, raw) => {
                let items = raw.items()?;
                let networks = items.iter().map(|item| item.parse::<Network>().ok());
                Value::Networks(networks.collect::<Option<_>>()?)
            }
            (Self::Versions, raw) => {
                let items = raw.items()?;
                let versions = items.iter().map(|item| u32::try_from(whole(item)?).ok());
                Value::Versions(versions.collect::<Option<_>>()?)
            }
            (Self::Variables, raw) => Value::Names(raw.items()?),
            (_, Raw::Text(text)) => self.read_text(text)?,
            (_, Raw::Bytes(_) | Raw::List(_)) => return None,
        };
        self.admits(&value).then_some(value)
    }

    fn read_text(self, text: &str) -> Option<Value> {
        if self.is_secret() {
            return Some(Value::Secret(Secret::from(text)));
        }
        let text = text.trim();
        Some(match self {
            Self::Flag => Value::Flag(flag(text)?),
            Self::Number(..) | Self::Port => Value::Number(whole(text)?),
            Self::Bytes(..) => Value::Number(bytes(text)?),
            Self::Time(unit, ..) => Value::Time(time(text, unit)?),
            Self::Mode => Value::Mode(mode(text)?),
            Self::Text | Self::Variable | Self::Host | Self::Certificates => text.into(),
            Self::Ip if text.eq_ignore_ascii_case("localhost") => {
                Value::Ip(IpAddr::from([127, 0, 0, 1]))
            }
            Self::Ip => Value::Ip(text.parse().ok()?),
            Self::Path | Self::AbsolutePath => Value::Path(text.into()),
            Self::LogLevel => Value::LogLevel(LogLevel::parse(text)?),
            Self::CertKeyType => Value::CertKeyType(CertKeyType::parse(text)?),
            Self::TlsMinVersion => Value::TlsMinVersion(TlsMinVersion::parse(text)?),
            Self::ReflectionMode => Value::ReflectionMode(ReflectionMode::parse(text)?),
            Self::Paths
            | Self::Networks
            | Self::Versions
            | Self::Variables
            | Self::Secret
            | Self::Key => return None,
        })
    }
}

fn flag(text: &str) -> Option<bool> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(&["true", "1", "yes", "on"]) {
        Some(true)
    } else if is_one_of(&["false", "0", "no", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// Digits and nothing else; Rust's own reader takes a plus sign, too.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    whole(number)?.checked_mul(factor)
}

fn time(text: &str, bare: Unit) -> Option<Duration> {
    let (number, unit) = split_unit(text);
    let factor = match (unit, bare) {
        ("ms", _) => 0.001,
        ("s", _) => 1.0,
        ("m", _) => 60.0,
        ("h", _) => 3600.0,
        ("", Unit::Seconds) => 1.0,
        ("", Unit::WholeSeconds) => return whole(number).map(Duration::from_secs),
        ("", Unit::Milliseconds) => return whole(number).map(Duration::from_millis),
        _ => return None,
    };
    let well_formed = match number.split_once('.') {
        Some((before, after)) => is_digits(before) && is_digits(after),
        None => is_digits(number),
    };
    let number: f64 = well_formed.then(|| number.parse().ok())??;
    Duration::try_from_secs_f64(number * factor).ok()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `500ms` is 500 and ms; a space may stand between.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// Octal digits, with or without a leading `0` or `0o`.
fn mode(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    is_digits(digits).then(|| u32::from_str_radix(digits, 8).ok())?
}

pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

pub(super) fn is_path(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    !bytes.is_empty() && !bytes.contains(&0)
}

pub(super) fn is_host(text: &str) -> bool {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.parse::<IpAddr>().is_ok()
        || (!text.is_empty() && text.len() <= 253 && text.chars().all(in_name))
}

/// Whether a cookie may have this name.
pub(super) fn is_free_variable(name: &str) -> bool {
    let taken = Setting::from_variable(name).is_some() || env::is_launch_variable(name);
    is_plain(name) && !name.contains(['=', ' ']) && !taken
}

/// Whether a host's variable of this name, or with this beginning, may be passed to plugins.
pub(super) fn may_be_passed(name: &str) -> bool {
    let beginning = name.strip_suffix('*').unwrap_or(name);
    let handshake = env::LAUNCH_VARIABLES.contains(&name);
    is_plain(beginning) && !beginning.contains(['=', '*', ' ', ',']) && !handshake
}

pub(super) fn each_once<T: PartialEq>(list: &[T]) -> bool {
    (1..list.len()).all(|n| !list[..n].contains(&list[n]))
}
