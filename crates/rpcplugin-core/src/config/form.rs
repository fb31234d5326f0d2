use std::{borrow::Cow, time::Duration};

use super::{CertKeyType, LogLevel, ReflectionMode, TlsMinVersion, Value};
use crate::VersionSet;

pub(super) mod read;

/// The type and the range of a setting, as data: the reader, the errors and the documents all
/// follow it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Form {
    /// `true/false`, `1/0`, `yes/no` or `on/off`, in any case.
    Flag,
    /// A whole number, from the first to the second, or 0 with the given meaning.
    Number(u64, u64, Zero),
    /// A number of bytes, such as `65536` or `64KiB`; bounds as for a number.
    Bytes(u64, u64, Zero),
    /// A TCP port.
    Port,
    /// A length of time, such as `5`, `500ms` or `2m`; bounds as for a number.
    Time(Unit, Duration, Duration, Zero),
    /// Permissions, in octal digits: 0600 or 0660.
    Mode,
    /// Any text that is not empty, without control characters.
    Text,
    /// The name of a variable that means nothing else.
    Variable,
    /// Names of variables, or beginnings of them with a `*` at the end.
    Variables,
    /// An IP literal or `localhost`.
    Ip,
    /// An IP literal or a name.
    Host,
    /// The path of a file or directory.
    Path,
    /// The same, and absolute.
    AbsolutePath,
    /// Several, separated as in `PATH`.
    Paths,
    /// `unix` and `tcp` in any order, each at most once.
    Networks,
    /// Application versions, each once.
    Versions,
    /// A text without control characters, or the `file://` URL of a file with such a line. It is
    /// shown nowhere.
    Secret,
    /// Certificates: PEM text, a `file://` URL or a path.
    Certificates,
    /// A key: PEM text, a `file://` URL or a path. It is shown nowhere.
    Key,
    /// A level of log lines.
    LogLevel,
    /// A kind of key.
    CertKeyType,
    /// A version of TLS.
    TlsMinVersion,
    /// When reflection is served.
    ReflectionMode,
}

/// What 0 means where it lies outside the range.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Zero {
    /// Nothing else than 0.
    Plain,
    /// No limit.
    NoLimit,
    /// Turned off.
    Off,
}

/// The unit of a bare number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unit {
    /// Seconds; a fraction is fine.
    Seconds,
    /// Whole seconds.
    WholeSeconds,
    /// Whole milliseconds.
    Milliseconds,
}

impl Form {
    /// The type in a word or two: `time in seconds`, `list of transports`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flag => "boolean",
            Self::Number(..) | Self::Port => "whole number",
            Self::Bytes(..) => "size in bytes",
            Self::Time(Unit::Milliseconds, ..) => "time in milliseconds",
            Self::Time(..) => "time in seconds",
            Self::Mode => "octal number",
            Self::Text | Self::Variable | Self::Ip | Self::Host => "text",
            Self::Variables => "list of names",
            Self::Path | Self::AbsolutePath => "path",
            Self::Paths => "list of paths",
            Self::Networks => "list of transports",
            Self::Versions => "list of whole numbers",
            Self::Secret => "secret text",
            Self::Certificates => "certificates",
            Self::Key => "secret key",
            Self::LogLevel | Self::CertKeyType | Self::TlsMinVersion | Self::ReflectionMode => {
                "word"
            }
        }
    }

    /// What works, as it follows after "expected".
    #[must_use]
    pub fn expected(self) -> Cow<'static, str> {
        let words = |words: &[&str]| Cow::Owned(format!("one of {}", words.join(", ")));
        Cow::Borrowed(match self {
            Self::Flag => "true, false, yes, no, on, off, 1 or 0",
            Self::Number(least, most, zero) => {
                return format!("{}a whole number {}", zero.prefix(), bounds(least, most)).into();
            }
            Self::Bytes(least, most, zero) => {
                return format!(
                    "{}bytes {}, also written like 64KiB",
                    zero.prefix(),
                    bounds(least, most)
                )
                .into();
            }
            Self::Time(unit, least, most, zero) => {
                let unit_name = match unit {
                    Unit::Seconds => "seconds",
                    Unit::WholeSeconds => "whole seconds",
                    Unit::Milliseconds => "milliseconds",
                };
                let [least, most] = [least, most].map(|time| unit.count(time));
                return format!(
                    "{}{unit_name} {}, also written like 500ms, 10s or 2m",
                    zero.prefix(),
                    if most.is_finite() {
                        format!("from {least} to {most}")
                    } else {
                        format!("from {least}")
                    },
                )
                .into();
            }
            Self::Port => "a port from 0 to 65535",
            Self::Mode => "0600 or 0660",
            Self::Text => "a text without control characters, not empty",
            Self::Variable => {
                "the name of a variable that is neither a setting nor a variable of the handshake"
            }
            Self::Variables => {
                "names of variables, or beginnings like MY_APP_*, none of the handshake"
            }
            Self::Ip => "an IP literal or localhost",
            Self::Host => "an IP literal or a host name",
            Self::Path => "a path",
            Self::AbsolutePath => "an absolute path",
            Self::Paths => "files that end in .toml, .yaml, .yml or .json, separated as in PATH",
            Self::Networks => "unix, tcp or both, each once",
            Self::Versions => "whole numbers from 0 to 2147483647, at least one, each once",
            Self::Secret => {
                "a text without control characters, not empty, or the file:// URL of one"
            }
            Self::Certificates => "certificates as PEM text, a file:// URL or a path",
            Self::Key => "a private key as PEM text, a file:// URL or a path",
            Self::LogLevel => return words(LogLevel::WORDS),
            Self::CertKeyType => return words(CertKeyType::WORDS),
            Self::TlsMinVersion => return words(TlsMinVersion::WORDS),
            Self::ReflectionMode => return words(ReflectionMode::WORDS),
        })
    }

    /// Whether a value that the program gives in its own type has this type and lies in range.
    #[must_use]
    pub fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (
                Self::Number(least, most, zero) | Self::Bytes(least, most, zero),
                Value::Number(n),
            ) => (least..=most).contains(n) || (*n == 0 && zero != Zero::Plain),
            (Self::Port, Value::Number(port)) => *port <= u64::from(u16::MAX),
            (Self::Time(_, least, most, zero), Value::Time(time)) => {
                (least..=most).contains(time) || (time.is_zero() && zero != Zero::Plain)
            }
            (Self::Mode, Value::Mode(mode)) => matches!(mode, 0o600 | 0o660),
            (Self::Text, Value::Text(text)) => read::is_plain(text),
            (Self::Host, Value::Text(text)) => read::is_host(text),
            (Self::Variable, Value::Text(name)) => read::is_free_variable(name),
            (Self::Variables, Value::Names(names)) => {
                names.iter().all(|name| read::may_be_passed(name)) && read::each_once(names)
            }
            (Self::Path, Value::Path(path)) => read::is_path(path),
            (Self::AbsolutePath, Value::Path(path)) => read::is_path(path) && path.is_absolute(),
            (Self::Paths, Value::Paths(paths)) => paths.iter().all(|path| read::is_path(path)),
            (Self::Networks, Value::Networks(list)) => !list.is_empty() && read::each_once(list),
            (Self::Versions, Value::Versions(list)) => {
                VersionSet::new(list.iter().copied()).is_ok()
            }
            (Self::Secret, Value::Secret(secret)) => read::is_plain(secret.expose()),
            (Self::Key, Value::Secret(text)) => !text.expose().is_empty(),
            (Self::Certificates, Value::Text(text)) => !text.is_empty(),
            (Self::Flag, Value::Flag(_))
            | (Self::Ip, Value::Ip(_))
            | (Self::LogLevel, Value::LogLevel(_))
            | (Self::CertKeyType, Value::CertKeyType(_))
            | (Self::TlsMinVersion, Value::TlsMinVersion(_))
            | (Self::ReflectionMode, Value::ReflectionMode(_)) => true,
            _ => false,
        }
    }

    /// Whether its values are shown nowhere.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Key)
    }
}

impl Zero {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::NoLimit => "0 (none), or ",
            Self::Off => "0 (off), or ",
        }
    }
}

impl Unit {
    /// A time as a bare number; infinite for the longest that there is.
    fn count(self, time: Duration) -> f64 {
        match self {
            _ if time == Duration::MAX => f64::INFINITY,
            Self::Seconds | Self::WholeSeconds => time.as_secs_f64(),
            Self::Milliseconds => time.as_secs_f64() * 1000.0,
        }
    }
}

fn bounds(least: u64, most: u64) -> String {
    if most == u64::MAX { format!("from {least}") } else { format!("from {least} to {most}") }
}
