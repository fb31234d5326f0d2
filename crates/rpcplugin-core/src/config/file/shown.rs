//! A file's text for people, without anything that may be a secret.

use std::ops::Range;

use super::tree::{Kind, Node, PROFILES};
use crate::config::{Form, Setting, cert_text::PEM};

/// Stars out all but keys, the values of settings that are no secrets, and what holds a file
/// together; comments, too, for old values live on there. All offsets stay as they are. `None`
/// if a place cannot be, so that the rest may be wrong as well.
pub(super) fn without_secrets(text: &str, root: &Node) -> Option<String> {
    let all = text.bytes().map(|byte| if holds_together(byte) { byte } else { b'*' });
    let mut shown = Shown { text, bytes: all.collect() };
    shown.table(root, true)?;
    String::from_utf8(shown.bytes).ok()
}

fn holds_together(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"=:,.-|>[]{}\"'".contains(&byte)
}

struct Shown<'a> {
    text: &'a str,
    bytes: Vec<u8>,
}

impl Shown<'_> {
    /// A table of settings. Only the outermost one has profiles.
    fn table(&mut self, node: &Node, is_root: bool) -> Option<()> {
        let Kind::Table(entries) = &node.kind else { return self.hide(node) };
        for (key, _) in entries {
            self.reveal(&key.span)?;
        }
        for (key, value) in entries {
            match &value.kind {
                Kind::Table(profiles) if is_root && *key.text == PROFILES => {
                    for (name, profile) in profiles {
                        self.reveal(&name.span)?;
                        self.table(profile, false)?;
                    }
                }
                _ => self.value(value, Setting::from_key(&key.text))?,
            }
        }
        Some(())
    }

    fn value(&mut self, node: &Node, setting: Option<Setting>) -> Option<()> {
        let harmless = setting.filter(|setting| !setting.is_secret());
        match (&node.kind, harmless) {
            // A key that stands beside its certificate is one all the same.
            (Kind::Scalar(text), Some(setting))
                if setting.form() == Form::Certificates && text.contains(PEM) =>
            {
                self.hide(node)
            }
            (Kind::Scalar(_) | Kind::Other, Some(_)) => self.reveal(&node.span),
            (Kind::List(items), Some(_)) => {
                items.iter().try_for_each(|item| self.value(item, setting))
            }
            _ => self.hide(node),
        }
    }

    fn reveal(&mut self, span: &Range<usize>) -> Option<()> {
        let text = self.text.get(span.clone())?;
        self.bytes.get_mut(span.clone())?.copy_from_slice(text.as_bytes());
        Some(())
    }

    /// With the keys of tables where none belongs: in YAML, `{secret}` is one.
    fn hide(&mut self, node: &Node) -> Option<()> {
        self.star(&node.span)?;
        match &node.kind {
            Kind::Table(entries) => entries.iter().try_for_each(|(key, value)| {
                // Those of TOML stand elsewhere than the table's own place.
                self.star(&key.span)?;
                self.hide(value)
            }),
            Kind::List(items) => items.iter().try_for_each(|item| self.hide(item)),
            Kind::Scalar(_) | Kind::Other => Some(()),
        }
    }

    fn star(&mut self, span: &Range<usize>) -> Option<()> {
        let value = self.bytes.get_mut(span.clone())?;
        value.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
        Some(())
    }
}
