//! Text with escapes, as the arguments hold it.

use anyhow::{Context as _, bail};

/// The bytes that `text` stands for.
pub(crate) fn unescape(text: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let mut letters = escape.chars();
        bytes.push(match letters.next() {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('x') => {
                let (digits, after) =
                    letters.as_str().split_at_checked(2).context("\\x takes two digits")?;
                letters = after.chars();
                u8::from_str_radix(digits, 16)?
            }
            other => bail!("unknown escape {other:?}"),
        });
        rest = letters.as_str();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}
