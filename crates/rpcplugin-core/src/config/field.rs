//! From a value to what its accessor returns.

use std::{net::IpAddr, path::Path, time::Duration};

use super::{CertKeyType, LogLevel, ReflectionMode, Secret, TlsMinVersion, Value};
use crate::Network;

/// What an accessor returns.
///
/// The table's tests read every accessor, so that a row whose form does not fit its accessor is
/// found there.
pub(crate) trait Field<'a>: Sized {
    fn read(value: Option<&'a Value>) -> Option<Self>;
}

macro_rules! fields {
    ($($type:ty: $variant:ident($name:ident) => $read:expr;)*) => {$(
        impl<'a> Field<'a> for $type {
            fn read(value: Option<&'a Value>) -> Option<Self> {
                match value {
                    Some(Value::$variant($name)) => $read,
                    _ => None,
                }
            }
        }
    )*};
}
fields! {
    bool: Flag(flag) => Some(*flag);
    u16: Number(number) => u16::try_from(*number).ok();
    u64: Number(number) => Some(*number);
    usize: Number(number) => usize::try_from(*number).ok();
    Duration: Time(time) => Some(*time);
    IpAddr: Ip(ip) => Some(*ip);
    LogLevel: LogLevel(word) => Some(*word);
    CertKeyType: CertKeyType(word) => Some(*word);
    TlsMinVersion: TlsMinVersion(word) => Some(*word);
    ReflectionMode: ReflectionMode(word) => Some(*word);
    &'a str: Text(text) => Some(text);
    &'a Path: Path(path) => Some(path);
    &'a [Network]: Networks(networks) => Some(networks);
    &'a [u32]: Versions(versions) => Some(versions);
    &'a [String]: Names(names) => Some(names);
    &'a Secret: Secret(secret) => Some(secret);
}

impl<'a> Field<'a> for u32 {
    fn read(value: Option<&'a Value>) -> Option<Self> {
        match value {
            Some(Value::Number(number)) => Self::try_from(*number).ok(),
            Some(Value::Mode(mode)) => Some(*mode),
            _ => None,
        }
    }
}

/// For a setting that always has a value.
pub(crate) fn required<'a, T: Field<'a>>(value: Option<&'a Value>) -> T {
    T::read(value).expect("the table gives this setting a default of the accessor's type")
}

/// For a setting whose zero means none.
pub(crate) fn unless_zero<'a, T: Field<'a> + Default + PartialEq>(
    value: Option<&'a Value>,
) -> Option<T> {
    T::read(value).filter(|value| *value != T::default())
}

/// For a setting that may have no value.
pub(crate) fn optional<'a, T: Field<'a>>(value: Option<&'a Value>) -> Option<T> {
    T::read(value)
}

/// For a list that may be empty.
pub(crate) fn or_empty(value: Option<&Value>) -> &[String] {
    Field::read(value).unwrap_or_default()
}
