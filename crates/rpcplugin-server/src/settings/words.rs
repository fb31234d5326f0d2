//! Between the words of settings and the types that other crates have for them.

use rpcplugin_core::config::LogLevel;
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
