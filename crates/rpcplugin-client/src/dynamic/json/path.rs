use std::fmt::Write as _;

use rpcplugin_core::{ProtocolError, escape_text};

/// One step from a message to a part of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::dynamic) enum Segment<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

/// Where in a message the reader is.
#[derive(Debug, Default)]
pub(super) struct Path<'a>(Vec<Segment<'a>>);

impl<'a> Path<'a> {
    pub(super) fn new(start: Option<Segment<'a>>) -> Self {
        Self(start.into_iter().collect())
    }

    pub(super) fn push(&mut self, segment: Segment<'a>) {
        self.0.push(segment);
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    /// An error at this place.
    pub(super) fn refuse(&self, detail: impl Into<String>) -> ProtocolError {
        let (path, detail) = (self.to_string(), detail.into());
        ProtocolError::InvalidMessage { path, detail, nearest: Vec::new() }
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// So much of a path is shown, which a caller may have made very long.
        const LONGEST: usize = 400;

        if self.0.is_empty() {
            return f.write_str("the message");
        }
        let mut text = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Field(name) if text.is_empty() => text.push_str(&escape_text(name)),
                Segment::Field(name) => write!(text, ".{}", escape_text(name))?,
                Segment::Index(index) => write!(text, "[{index}]")?,
                Segment::Key(key) => write!(text, "[\"{}\"]", escape_text(key))?,
            }
            if text.len() > LONGEST {
                text = text.chars().take(LONGEST).chain(['…']).collect();
                break;
            }
        }
        f.write_str(&text)
    }
}
