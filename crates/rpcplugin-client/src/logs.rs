//! What a line on a plugin's stderr means, and its way into the host's log.
//!
//! **Invariant:** everything here is total: no bytes panic it, and what a plugin writes is data.
//! It appears escaped, under `plugin.`, and replaces nothing of the host's own record
//! (`docs/wire-format.md`, Logs).

mod emit;
mod hclog;
mod journal;
mod panics;
mod reason;
#[cfg(test)]
mod tests;

use rpcplugin_core::{escape, escape_text};
use tracing::Level;

use self::panics::PanicState;
pub(crate) use self::{
    emit::{emit, guarded, lost, stray},
    journal::Journal,
    reason::reason,
};

/// One line of a plugin's log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) level: Level,
    pub(crate) message: String,
    pub(crate) module: Option<String>,
    pub(crate) caller: Option<String>,
    pub(crate) timestamp: Option<String>,
    /// The plugin's own fields as a JSON object.
    pub(crate) fields: Option<String>,
}

impl Entry {
    fn text(level: Level, message: String) -> Self {
        Self { level, message, module: None, caller: None, timestamp: None, fields: None }
    }
}

/// Reads one whole line. `state` remembers whether it belongs to a panic above it, and knows
/// afterwards whether it does.
fn parse(line: &[u8], state: &mut PanicState) -> Entry {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.trim_ascii_start().first() == Some(&b'{')
        && let Some(object) = hclog::object(line)
    {
        state.end();
        return hclog::entry(object).unwrap_or_else(|| Entry::text(Level::DEBUG, shown(line)));
    }
    if let Some(level) = tag(line) {
        state.end();
        return Entry::text(level, shown(line));
    }
    let level = if state.holds(line) { Level::ERROR } else { Level::DEBUG };
    Entry::text(level, shown(line))
}

/// A part of a line that is too long to be read.
fn unparsed(part: &[u8]) -> Entry {
    Entry::text(Level::DEBUG, shown(part))
}

/// The level of a line that starts with one in brackets.
fn tag(line: &[u8]) -> Option<Level> {
    const TAGS: &[(&[u8], Level)] = &[
        (b"[TRACE]", Level::TRACE),
        (b"[DEBUG]", Level::DEBUG),
        (b"[INFO]", Level::INFO),
        (b"[WARN]", Level::WARN),
        (b"[ERROR]", Level::ERROR),
    ];
    TAGS.iter().find(|(tag, _)| line.starts_with(tag)).map(|(_, level)| *level)
}

/// Text as it is but for control characters; other bytes in full.
fn shown(line: &[u8]) -> String {
    std::str::from_utf8(line).map_or_else(|_| escape(line), escape_text)
}
