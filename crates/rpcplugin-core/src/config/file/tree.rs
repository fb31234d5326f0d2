//! What a file says, whatever its format.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Range,
};

use zeroize::Zeroizing;

use crate::config::form::read::Raw;

/// The key of the table of profiles.
pub(super) const PROFILES: &str = "profile";
/// Deeper, it is no configuration.
pub(super) const DEEPEST: usize = 16;

/// A value, and where it stands. Any text may be a secret, and is wiped when dropped.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A text, a number, a boolean: the setting decides what it is.
    Scalar(Zeroizing<String>),
    List(Vec<Node>),
    Table(Vec<(Key, Node)>),
    /// Null.
    Other,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) text: Zeroizing<String>,
    pub(super) span: Range<usize>,
}

/// Why a file does not parse, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) reason: String,
    pub(super) span: Range<usize>,
}

impl Node {
    /// As a setting's value; `None` for what no setting can be.
    pub(super) fn raw(&self) -> Option<Raw> {
        match &self.kind {
            Kind::Scalar(text) => Some(Raw::Text(text.to_string())),
            Kind::List(items) => {
                let items = items.iter().map(|item| match &item.kind {
                    Kind::Scalar(text) => Some(text.to_string()),
                    _ => None,
                });
                Some(Raw::List(items.collect::<Option<_>>()?))
            }
            Kind::Table(_) | Kind::Other => None,
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(_) => "a value",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
            Kind::Other => "nothing",
        }
    }
}

/// Keys that stand twice in one table: each with the place of its first.
pub(super) fn repeated(entries: &[(Key, Node)]) -> impl Iterator<Item = (&Key, &Key)> {
    let mut firsts: BTreeMap<&str, &Key> = BTreeMap::new();
    entries.iter().filter_map(move |(key, _)| match firsts.entry(key.text.as_str()) {
        Entry::Occupied(first) => Some((key, *first.get())),
        Entry::Vacant(place) => {
            place.insert(key);
            None
        }
    })
}
