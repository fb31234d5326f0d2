//! JSON to a tree.
//!
//! serde_json judges the syntax and bounds the depth; it tells no places. So what follows walks
//! over text that is known to be JSON.

use std::ops::Range;

use zeroize::{Zeroize as _, Zeroizing};

use super::tree::{Fault, Key, Kind, Node};

pub(super) fn parse(text: &str) -> Result<Node, Vec<Fault>> {
    if let Err(error) = serde_json::from_str(text).map(wipe) {
        let line_start = match error.line() {
            0 | 1 => 0,
            line => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
        };
        let at = (line_start + error.column().saturating_sub(1)).min(text.len());
        let message = error.to_string();
        // The place is told by other means.
        let reason = message.split(" at line ").next().unwrap_or_default().to_owned();
        return Err(vec![Fault { reason, span: at..at }]);
    }
    let mut walk = Walk { text, at: 0 };
    let end = text.len();
    walk.node().ok_or_else(|| vec![Fault { reason: "not JSON".to_owned(), span: end..end }])
}

/// What was read only to see whether it can be. Any text may be a secret.
fn wipe(value: serde_json::Value) {
    match value {
        serde_json::Value::String(mut text) => text.zeroize(),
        serde_json::Value::Array(items) => items.into_iter().for_each(wipe),
        serde_json::Value::Object(entries) => {
            for (mut key, value) in entries {
                key.zeroize();
                wipe(value);
            }
        }
        _ => {}
    }
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
}

/// `None` cannot come of valid JSON, and ends the walk.
impl Walk<'_> {
    fn node(&mut self) -> Option<Node> {
        let start = self.skip_space();
        let kind = match self.peek()? {
            b'{' => Kind::Table(self.members()?),
            b'[' => Kind::List(self.items()?),
            b'"' => Kind::Scalar(self.string()?),
            _ => match self.word() {
                "null" => Kind::Other,
                word => Kind::Scalar(word.to_owned().into()),
            },
        };
        Some(Node { kind, span: start..self.at })
    }

    fn members(&mut self) -> Option<Vec<(Key, Node)>> {
        let mut members = Vec::new();
        self.at += 1;
        loop {
            let start = self.skip_space();
            match self.peek()? {
                b'}' => break,
                b',' => self.at += 1,
                b'"' => {
                    let text = self.string()?;
                    let span: Range<usize> = start..self.at;
                    self.skip_space();
                    // The colon.
                    self.at += 1;
                    members.push((Key { text, span }, self.node()?));
                }
                _ => return None,
            }
        }
        self.at += 1;
        Some(members)
    }

    fn items(&mut self) -> Option<Vec<Node>> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.skip_space();
            match self.peek()? {
                b']' => break,
                b',' => self.at += 1,
                _ => items.push(self.node()?),
            }
        }
        self.at += 1;
        Some(items)
    }

    /// With its quotes; serde_json knows the escapes.
    fn string(&mut self) -> Option<Zeroizing<String>> {
        let start = self.at;
        self.at += 1;
        while self.peek()? != b'"' {
            // What follows a backslash is no end.
            self.at += if self.peek()? == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok().map(Zeroizing::new)
    }

    /// A number, true, false or null.
    fn word(&mut self) -> &str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        // At least one byte, so that the walk moves on whatever stands there.
        self.at += end.max(1);
        rest.get(..end).unwrap_or_default()
    }

    fn skip_space(&mut self) -> usize {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.at
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
