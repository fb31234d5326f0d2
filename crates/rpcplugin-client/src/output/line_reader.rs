use std::io;

use rpcplugin_core::{escape, limits};
use tokio::io::AsyncReadExt as _;

use super::pipe::Pipe;

/// What a plugin wrote on stdout, up to the end of a line.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Line {
    /// A line, without its newline.
    Complete(Vec<u8>),
    /// There will be no more lines. Bytes without a newline are not a line.
    End,
    /// More than [`limits::HANDSHAKE_LINE`] without a newline; how it begins.
    TooLong(Vec<u8>),
}

impl Line {
    /// A line that was accepted, and so is text.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Complete(line) | Self::TooLong(line) => {
                String::from_utf8_lossy(&line).trim().to_owned()
            }
            Self::End => String::new(),
        }
    }
}

/// Reads the first lines of a plugin's stdout. How long it may take is the caller's to say.
///
/// Holds at most one line and what one read brings.
pub(crate) struct LineReader<P> {
    pipe: P,
    /// Read, and not given out yet.
    pending: Vec<u8>,
    /// Lines that were given out or skipped, for the report.
    seen: Vec<String>,
    ended: bool,
    banner: Banner,
}

/// Read at a time; a handshake line is seldom longer.
const CHUNK: usize = 4096;

/// What has been skipped.
#[derive(Default)]
struct Banner {
    lines: usize,
    bytes: usize,
}

impl<P: Pipe> LineReader<P> {
    pub(crate) fn new(pipe: P) -> Self {
        Self {
            pipe,
            pending: Vec::new(),
            seen: Vec::new(),
            ended: false,
            banner: Banner::default(),
        }
    }

    /// Waits for the line that should be the handshake: the first, or, if `lenient`, the first
    /// that looks like one, within [`limits::BANNER_LINES`] and [`limits::BANNER_BYTES`].
    ///
    /// May be cancelled and called again. Do not take [`Line::End`] for the process's end.
    pub(crate) async fn handshake_line(&mut self, lenient: bool) -> Line {
        loop {
            if let Some(line) = self.take_line(lenient) {
                return line;
            }
            let mut chunk = [0; CHUNK];
            let read = self.pipe.read(&mut chunk).await;
            self.keep(&chunk, read);
        }
    }

    /// The same from what is in the pipe now: for a process that has ended, whose pipe others
    /// may hold open.
    pub(crate) fn handshake_line_now(&mut self, lenient: bool) -> Line {
        loop {
            if let Some(line) = self.take_line(lenient) {
                return line;
            }
            let mut chunk = [0; CHUNK];
            let read = self.pipe.read_now(&mut chunk);
            self.keep(&chunk, read);
        }
    }

    /// What has been read, escaped and bounded, for the report: the lines, and last what is not a
    /// line yet.
    pub(crate) fn seen(&self) -> Vec<String> {
        let mut seen = self.seen.clone();
        if !self.pending.is_empty() {
            seen.push(shown(&self.pending));
        }
        seen
    }

    /// The pipe, and what was read from it beyond the last line given out.
    pub(super) fn into_parts(self) -> (P, Vec<u8>) {
        (self.pipe, self.pending)
    }

    fn keep(&mut self, chunk: &[u8], read: io::Result<usize>) {
        match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => self.ended = true,
            Ok(length) => self.pending.extend_from_slice(&chunk[..length]),
        }
    }

    /// A line out of what has been read, if it is decided yet.
    fn take_line(&mut self, lenient: bool) -> Option<Line> {
        loop {
            let end = self.pending.iter().position(|byte| *byte == b'\n');
            // A carriage return before the newline belongs to the end of the line.
            let longest = limits::HANDSHAKE_LINE + 1;
            if end.unwrap_or(self.pending.len()) > longest {
                return Some(Line::TooLong(self.pending[..limits::REPORT_LINE].to_vec()));
            }
            let Some(end) = end else {
                return self.ended.then_some(Line::End);
            };
            let mut line: Vec<u8> = self.pending.drain(..=end).collect();
            line.pop();
            self.remember(&line);
            if !lenient || looks_like_a_handshake(&line) || self.banner.is_over(line.len()) {
                return Some(Line::Complete(line));
            }
        }
    }

    fn remember(&mut self, line: &[u8]) {
        /// The report shows how stdout begins.
        const MOST: usize = 10;
        if self.seen.len() < MOST {
            self.seen.push(shown(line));
        }
    }
}

impl Banner {
    /// Counts a line; true if it may not be skipped any more.
    fn is_over(&mut self, length: usize) -> bool {
        self.lines += 1;
        self.bytes += length + 1;
        self.lines > limits::BANNER_LINES || self.bytes > limits::BANNER_BYTES
    }
}

/// Whether a line is meant as a handshake, right or wrong: digits, and then a bar.
fn looks_like_a_handshake(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && line.get(digits) == Some(&b'|')
}

fn shown(bytes: &[u8]) -> String {
    escape(bytes.get(..limits::REPORT_LINE).unwrap_or(bytes))
}
