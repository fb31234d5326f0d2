use std::{mem, ops::Range};

/// A part of a stream, without its newline.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Piece {
    /// A whole line.
    Line(Vec<u8>),
    /// A part of a line that is too long to be one.
    Part(Vec<u8>),
}

/// Cuts a stream into lines, and lines that are too long into parts.
///
/// Never holds more than the limit; gives on every byte but the newlines, in order.
pub(super) struct Pieces {
    limit: usize,
    pending: Vec<u8>,
    /// Whether a part of the present line is out already.
    within: bool,
}

impl Pieces {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, pending: Vec::new(), within: false }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8], mut give: impl FnMut(Piece)) {
        while !bytes.is_empty() {
            let line = bytes.iter().position(|byte| *byte == b'\n');
            let room = self.limit - self.pending.len();
            match line {
                Some(end) if end <= room => {
                    self.pending.extend_from_slice(&bytes[..end]);
                    bytes = &bytes[end + 1..];
                    self.end_line(&mut give);
                }
                _ if bytes.len() <= room => {
                    self.pending.extend_from_slice(bytes);
                    return;
                }
                _ => {
                    self.pending.extend_from_slice(&bytes[..room]);
                    bytes = &bytes[room..];
                    self.within = true;
                    give(Piece::Part(mem::take(&mut self.pending)));
                }
            }
        }
    }

    /// Gives what is left when the stream ends without a newline.
    pub(super) fn end(&mut self, mut give: impl FnMut(Piece)) {
        if !self.pending.is_empty() {
            self.end_line(&mut give);
        }
    }

    fn end_line(&mut self, give: &mut impl FnMut(Piece)) {
        let bytes = mem::take(&mut self.pending);
        if mem::take(&mut self.within) {
            // A line of just as many parts leaves nothing for the last.
            if !bytes.is_empty() {
                give(Piece::Part(bytes));
            }
        } else {
            give(Piece::Line(bytes));
        }
    }
}

/// The whole lines of `bytes` that are neither the first nor among the last `wanted`.
pub(super) fn middle(bytes: &[u8], wanted: usize) -> Option<Range<usize>> {
    let newline = |byte: &u8| *byte == b'\n';
    let start = bytes.iter().position(newline)? + 1;
    let after = bytes.iter().rev().enumerate().filter(|(_, byte)| newline(byte)).nth(wanted)?.0;
    let end = bytes.len() - after;
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(limit: usize, chunks: &[&[u8]]) -> Vec<Piece> {
        let mut pieces = Pieces::new(limit);
        let mut all = Vec::new();
        for chunk in chunks {
            pieces.feed(chunk, |piece| all.push(piece));
        }
        pieces.end(|piece| all.push(piece));
        all
    }

    #[test]
    fn lines_are_put_together_across_reads() {
        let line = |text: &str| Piece::Line(text.into());
        assert_eq!(cut(8, &[b"a", b"b\n\nc", b"d"]), [line("ab"), line(""), line("cd")]);
    }

    #[test]
    fn long_lines_come_in_parts_and_the_next_line_is_one_again() {
        let part = |text: &str| Piece::Part(text.into());
        let line = |text: &str| Piece::Line(text.into());
        assert_eq!(cut(3, &[b"abcdefg\nhi\n"]), [part("abc"), part("def"), part("g"), line("hi")]);
        assert_eq!(cut(3, &[b"abc\nhi\n"]), [line("abc"), line("hi")]);
    }

    #[test]
    fn the_middle_is_whole_lines_without_the_first_and_the_last() {
        assert_eq!(middle(b"a\nb\nc\nd\ne", 1), Some(2..6));
        assert_eq!(middle(b"a\nb\nc\nd\ne", 2), Some(2..4));
        assert_eq!(middle(b"a\nb\nc\nd\ne", 0), Some(2..8));
        assert_eq!(middle(b"a\nb\nc\nd\ne", 3), None);
        assert_eq!(middle(b"abc", 0), None);
        assert_eq!(middle(b"", 0), None);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_and_no_piece_too_long(
            chunks in prop::collection::vec(prop::collection::vec(0..4_u8, 0..40), 0..10),
            limit in 1..20_usize,
        ) {
            // Newlines must be frequent, so the alphabet is small.
            let chunks: Vec<Vec<u8>> = chunks
                .into_iter()
                .map(|chunk| chunk.into_iter().map(|b| if b == 0 { b'\n' } else { b }).collect())
                .collect();
            let given: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let mut joined = Vec::new();
            for piece in cut(limit, &given) {
                let (Piece::Line(bytes) | Piece::Part(bytes)) = piece;
                prop_assert!(bytes.len() <= limit);
                joined.extend(bytes);
            }
            let expected: Vec<u8> = chunks.concat().into_iter().filter(|b| *b != b'\n').collect();
            prop_assert_eq!(joined, expected);
        }
    }
}
