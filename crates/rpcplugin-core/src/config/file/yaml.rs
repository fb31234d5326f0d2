//! YAML to a tree.

use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::tree::{DEEPEST, Fault, Key, Kind, Node};

pub(super) fn parse(text: &str) -> Result<Node, Vec<Fault>> {
    let mut reader = Reader { text, starts: starts(text), parser: Parser::new_from_str(text) };
    reader.document().map_err(|fault| vec![fault])
}

struct Reader<'a, P> {
    text: &'a str,
    /// Where each character begins; empty if that is the same as its number.
    starts: Vec<usize>,
    parser: P,
}

impl<'a, P> Reader<'a, P>
where
    P: Iterator<Item = Result<(Event<'a>, Span), saphyr_parser::ScanError>>,
{
    fn document(&mut self) -> Result<Node, Fault> {
        let empty = || Node { kind: Kind::Table(Vec::new()), span: 0..0 };
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root.unwrap_or_else(empty)),
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(self.fault("a second document: one file is one", &span));
                }
                Event::DocumentStart(_) => root = Some(empty()),
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                event => {
                    let node = self.node(event, span, 0)?;
                    // A document of nothing but comments is one null.
                    root = Some(match node.kind {
                        Kind::Other if node.span.is_empty() => empty(),
                        _ => node,
                    });
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        if depth > DEEPEST {
            return Err(self.fault("too deep", &span));
        }
        let start = self.offset(&span.start);
        match event {
            // An alias that is repeated within itself makes gigabytes of a few lines.
            Event::Alias(_)
            | Event::Scalar(_, _, 1.., _)
            | Event::SequenceStart(1.., _)
            | Event::MappingStart(1.., _) => {
                Err(self.fault("anchors and aliases are not taken: write it out", &span))
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err(self.fault("tags are not taken", &span)),
            Event::Scalar(text, style, ..) => {
                let null = matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let kind = match style {
                    ScalarStyle::Plain if null => Kind::Other,
                    _ => Kind::Scalar(text.into_owned().into()),
                };
                Ok(Node { kind, span: self.range(&span) })
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, end) => {
                            let span = start..self.offset(&end.end).max(start);
                            return Ok(Node { kind: Kind::List(items), span });
                        }
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    match self.next()? {
                        (Event::MappingEnd, end) => {
                            let span = start..self.offset(&end.end).max(start);
                            return Ok(Node { kind: Kind::Table(entries), span });
                        }
                        (event, span) => {
                            let key = self.node(event, span, depth + 1)?;
                            let Kind::Scalar(text) = key.kind else {
                                return Err(self.fault("a key must be a text", &span));
                            };
                            let (event, span) = self.next()?;
                            let value = self.node(event, span, depth + 1)?;
                            entries.push((Key { text, span: key.span }, value));
                        }
                    }
                }
            }
            _ => Err(self.fault("not YAML", &span)),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let at = self.offset(error.marker());
                Err(Fault { reason: crate::escape_text(error.info()), span: at..at })
            }
            None => Err(Fault {
                reason: "it ends too early".to_owned(),
                span: self.text.len()..self.text.len(),
            }),
        }
    }

    fn fault(&self, reason: &str, span: &Span) -> Fault {
        Fault { reason: reason.to_owned(), span: self.range(span) }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let start = self.offset(&span.start);
        start..self.offset(&span.end).max(start)
    }

    /// The parser counts characters; everything else counts bytes. Its lines are not ours: it ends
    /// one at a lone carriage return.
    fn offset(&self, marker: &Marker) -> usize {
        let end = self.text.len();
        let index = marker.index();
        if self.starts.is_empty() {
            return index.min(end);
        }
        self.starts.get(index).copied().unwrap_or(end)
    }
}

fn starts(text: &str) -> Vec<usize> {
    if text.is_ascii() {
        return Vec::new();
    }
    text.char_indices().map(|(at, _)| at).collect()
}
