//! Between the words of settings and the types that other crates have for them.

use rpcplugin_core::config::LogLevel;
#[cfg(feature = "tls")]
use rpcplugin_core::config::{CertKeyType, TlsMinVersion};
#[cfg(feature = "tls")]
use rpcplugin_tls::{KeyType, TlsVersion};
use tracing_subscriber::filter::LevelFilter;

/// What lets pass whatever has this level or a higher one.
pub(crate) const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Off => LevelFilter::OFF,
        // INFO, and what no table of this version has.
        _ => LevelFilter::INFO,
    }
}

/// The same in the other direction.
pub(crate) fn level(filter: LevelFilter) -> LogLevel {
    const ALL: [LogLevel; 6] = [
        LogLevel::Off,
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];
    let found = ALL.into_iter().find(|level| self::filter(*level) == filter);
    found.unwrap_or(LogLevel::Info)
}

#[cfg(feature = "tls")]
pub(crate) const fn key_type(word: CertKeyType) -> KeyType {
    match word {
        CertKeyType::P384 => KeyType::P384,
        CertKeyType::Ed25519 => KeyType::Ed25519,
        CertKeyType::P521 => KeyType::P521,
        _ => KeyType::P256,
    }
}

/// The same in the other direction.
#[cfg(feature = "tls")]
pub(crate) const fn key_word(key_type: KeyType) -> CertKeyType {
    match key_type {
        KeyType::P384 => CertKeyType::P384,
        KeyType::Ed25519 => CertKeyType::Ed25519,
        KeyType::P521 => CertKeyType::P521,
        _ => CertKeyType::P256,
    }
}

#[cfg(feature = "tls")]
pub(crate) const fn tls_version(word: TlsMinVersion) -> TlsVersion {
    match word {
        TlsMinVersion::Tls13 => TlsVersion::Tls13,
        _ => TlsVersion::Tls12,
    }
}

/// The same in the other direction.
#[cfg(feature = "tls")]
pub(crate) const fn version_word(version: TlsVersion) -> TlsMinVersion {
    match version {
        TlsVersion::Tls13 => TlsMinVersion::Tls13,
        _ => TlsMinVersion::Tls12,
    }
}
