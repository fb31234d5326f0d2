//! Showing a peer's bytes without letting them act on a terminal or a log.

use std::fmt::Write as _;

/// Shows bytes as text: control characters, invalid UTF-8 and backslashes are escaped.
///
/// # Example
///
/// ```
/// assert_eq!(rpcplugin_core::escape(b"\xff\x1b[2J ok"), r"\xff\x1b[2J ok");
/// ```
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push_text(&mut out, chunk.valid(), true);
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Shows text with its control characters escaped; backslashes stay as they are.
///
/// # Example
///
/// ```
/// assert_eq!(rpcplugin_core::escape_text("a\tb\r\n"), r"a\tb\r\n");
/// ```
#[must_use]
pub fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_text(&mut out, text, false);
    out
}

fn push_text(out: &mut String, text: &str, backslash: bool) {
    for c in text.chars() {
        match c {
            '\\' if backslash => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// Separators of lines and paragraphs, and the marks that turn the direction of text around.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::escape_text;

    #[test]
    fn what_a_reader_would_not_see_is_shown() {
        for c in
            ['\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{202e}', '\u{200f}', '\u{2066}']
        {
            let shown = escape_text(&c.to_string());
            assert!(shown.starts_with('\\') && shown.is_ascii(), "{shown}");
        }
        assert_eq!(escape_text("häßlich ✓ 木"), "häßlich ✓ 木");
    }
}
