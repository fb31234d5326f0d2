//! What `fuzz/` runs on this crate; `docs/decisions.md` says why it stands here.
//!
//! Each function takes any bytes, and panics if a promise does not hold for them.

use crate::logs::{Entry, Journal, reason};

/// What a plugin writes to stderr, line by line.
pub fn hclog_line(stderr: &[u8]) {
    let mut journal = Journal::default();
    let lines: Vec<&[u8]> = stderr.split(|byte| *byte == b'\n').collect();
    for line in &lines {
        journal.line(line, harmless);
    }
    journal.end(harmless);
    lines.iter().for_each(|line| journal.part(line, harmless));
    if let Some(reason) = reason(lines.iter().rev().copied()) {
        assert!(!reason.contains(char::is_control), "{reason:?}");
    }
}

/// Nothing in an entry acts on a terminal, and its fields are the plugin's own.
fn harmless(entry: &Entry) {
    let Entry { message, module, caller, timestamp, fields, .. } = entry;
    // The lines of a panic after its first are indented.
    let message = message.replace("\n    ", "");
    for text in [Some(&message), module.as_ref(), caller.as_ref(), timestamp.as_ref()] {
        assert!(!text.is_some_and(|text| text.contains(char::is_control)), "{text:?}");
    }
    if let Some(fields) = fields {
        assert!(!fields.contains(char::is_control), "{fields:?}");
        let read = serde_json::from_str(fields);
        assert!(matches!(read, Ok(serde_json::Value::Object(_))), "{fields:?}");
    }
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::{replay::replay, *};

    #[test]
    fn log_lines_that_were_found_hold() {
        replay("hclog_line", hclog_line);
    }
}
