//! The JSON lines of go-plugin's logger.

use std::fmt::Write as _;

use rpcplugin_core::escape_text;
use serde_json::{Map, Value};
use tracing::Level;

use super::Entry;

/// The object on this line, if it is one.
pub(super) fn object(line: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(line).ok()
}

/// The entry that an object is; `None` if it has no known level, or a key of the wrong type.
///
/// go-plugin's host asserts these types and panics when they are wrong.
pub(super) fn entry(mut object: Map<String, Value>) -> Option<Entry> {
    let mut text = |key: &str| match object.remove(key) {
        None => Some(None),
        Some(Value::String(text)) => Some(Some(text)),
        Some(_) => None,
    };
    let level = level(&text("@level")??)?;
    let message = text("@message")?.unwrap_or_default();
    let [module, caller, timestamp] = [text("@module")?, text("@caller")?, text("@timestamp")?];
    let escaped = |text: Option<String>| text.map(|text| escape_text(&text));
    Some(Entry {
        level,
        message: escape_text(&message),
        module: escaped(module),
        caller: escaped(caller),
        timestamp: escaped(timestamp),
        fields: (!object.is_empty()).then(|| json(object)),
    })
}

fn level(text: &str) -> Option<Level> {
    const LEVELS: &[(&str, Level)] = &[
        ("trace", Level::TRACE),
        ("debug", Level::DEBUG),
        ("info", Level::INFO),
        ("warn", Level::WARN),
        ("error", Level::ERROR),
    ];
    let text = text.trim();
    LEVELS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, level)| *level)
}

/// JSON whose strings hold nothing that acts on a terminal.
///
/// JSON itself lets through control characters above ASCII, DEL, and the marks that turn the
/// direction of text around. They occur in strings only, so each may be written as its escape.
fn json(object: Map<String, Value>) -> String {
    let text = Value::Object(object).to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
