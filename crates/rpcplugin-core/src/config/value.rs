use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use super::{CertKeyType, LogLevel, ReflectionMode, Secret, TlsMinVersion, cert_text::PEM};
use crate::Network;

/// What a setting may hold. [`Form`](super::Form) says which of these a setting takes.
///
/// `Display` writes it as it would be written in a file; secrets as `[redacted]`, and `PEM text`
/// for certificates, beside which their key may stand. `Debug` tells the same.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A count, a size in bytes, a port, a number of days.
    Number(u64),
    /// A length of time; zero where the setting says that it means none.
    Time(Duration),
    /// Permissions of a file.
    Mode(u32),
    /// Any text.
    Text(String),
    /// An IP address.
    Ip(IpAddr),
    /// A file or directory.
    Path(PathBuf),
    /// Files, in order.
    Paths(Vec<PathBuf>),
    /// Transports, in order.
    Networks(Vec<Network>),
    /// Application versions.
    Versions(Vec<u32>),
    /// Names of variables.
    Names(Vec<String>),
    /// A text that is shown nowhere.
    Secret(Secret),
    /// A level of log lines.
    LogLevel(LogLevel),
    /// A kind of key.
    CertKeyType(CertKeyType),
    /// A version of TLS.
    TlsMinVersion(TlsMinVersion),
    /// When reflection is served.
    ReflectionMode(ReflectionMode),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Time(time) => write_time(f, *time),
            Self::Mode(mode) => write!(f, "{mode:04o}"),
            Self::Text(text) if text.contains(PEM) => f.write_str("PEM text"),
            Self::Text(text) => f.write_str(&crate::escape_text(text)),
            Self::Ip(ip) => ip.fmt(f),
            Self::Path(path) => f.write_str(&crate::escape_text(&path.to_string_lossy())),
            Self::Paths(paths) => {
                write_list(f, paths.iter().map(|path| crate::escape_text(&path.to_string_lossy())))
            }
            Self::Networks(networks) => write_list(f, networks.iter()),
            Self::Versions(versions) => write_list(f, versions.iter()),
            Self::Names(names) => write_list(f, names.iter()),
            Self::Secret(secret) => secret.fmt(f),
            Self::LogLevel(word) => word.fmt(f),
            Self::CertKeyType(word) => word.fmt(f),
            Self::TlsMinVersion(word) => word.fmt(f),
            Self::ReflectionMode(word) => word.fmt(f),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({self})")
    }
}

fn write_list(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = impl fmt::Display>,
) -> fmt::Result {
    for (n, item) in items.enumerate() {
        let comma = if n == 0 { "" } else { "," };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}

/// In seconds, or in milliseconds below one.
fn write_time(f: &mut fmt::Formatter<'_>, time: Duration) -> fmt::Result {
    if time.is_zero() || time >= Duration::from_secs(1) {
        write!(f, "{}s", time.as_secs_f64())
    } else {
        write!(f, "{}ms", time.as_secs_f64() * 1000.0)
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
from! {
    bool => Flag, u16 => Number, u32 => Number, u64 => Number, Duration => Time, &str => Text,
    String => Text, IpAddr => Ip, PathBuf => Path, Vec<PathBuf> => Paths,
    Vec<Network> => Networks, Vec<u32> => Versions, Vec<String> => Names, Secret => Secret,
    LogLevel => LogLevel, CertKeyType => CertKeyType, TlsMinVersion => TlsMinVersion,
    ReflectionMode => ReflectionMode,
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Number(value as u64)
    }
}
