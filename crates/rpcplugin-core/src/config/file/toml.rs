//! TOML to a tree.

use toml::de::{DeTable, DeValue};
use toml_parser::{Source, lexer::TokenKind};

use super::tree::{DEEPEST, Fault, Key, Kind, Node};

type Spanned<T> = toml::Spanned<T>;

pub(super) fn parse(text: &str) -> Result<Node, Vec<Fault>> {
    check_depth(text).map_err(|fault| vec![fault])?;
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(Node { span: table.span(), kind: table_kind(table.get_ref()) });
    }
    let faults = errors.iter().map(|error| Fault {
        reason: crate::escape_text(error.message()),
        span: error.span().unwrap_or_default(),
    });
    Err(faults.collect())
}

fn table_kind(table: &DeTable<'_>) -> Kind {
    let entries = table.iter().map(|(key, value)| {
        (Key { text: key.get_ref().to_string().into(), span: key.span() }, node(value))
    });
    let mut entries: Vec<_> = entries.collect();
    // The parser sorts them by name; problems are told from top to bottom.
    entries.sort_by_key(|(key, _)| key.span.start);
    Kind::Table(entries)
}

/// The depth was checked.
fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Scalar(text.to_string().into()),
        DeValue::Integer(number) => Kind::Scalar(number.to_string().into()),
        DeValue::Float(number) => Kind::Scalar(number.to_string().into()),
        DeValue::Boolean(flag) => Kind::Scalar(flag.to_string().into()),
        DeValue::Datetime(date) => Kind::Scalar(date.to_string().into()),
        DeValue::Array(items) => Kind::List(items.iter().map(node).collect()),
        DeValue::Table(table) => table_kind(table),
    };
    Node { kind, span: value.span() }
}

/// Looks at brackets and at the dots of keys before the parser does, which bounds each by itself:
/// dots in each of many brackets make so many tables that dropping them ends the stack.
fn check_depth(text: &str) -> Result<(), Fault> {
    let (mut open, mut dots) = (0_usize, 0_usize);
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => dots += 1,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => open += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                open = open.saturating_sub(1);
            }
            // Where a key may begin.
            TokenKind::Equals | TokenKind::Comma | TokenKind::Newline => dots = 0,
            _ => {}
        }
        if open.max(dots) > DEEPEST {
            let span = token.span();
            return Err(Fault { reason: "too deep".to_owned(), span: span.start()..span.end() });
        }
    }
    Ok(())
}
