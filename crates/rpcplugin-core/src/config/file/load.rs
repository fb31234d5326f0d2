//! From a file's tree to the layers.

use std::{ops::Range, path::Path, sync::Arc};

use miette::NamedSource;

use super::{
    FilePlace, Named, json, open, shown, toml,
    tree::{self, Fault, Key, Kind, Node, PROFILES},
    yaml,
};
use crate::{
    ConfigError, Error,
    config::{Candidate, Inner, Setting, Source, nearest, problem},
};

/// Problems that are told of; a file of a megabyte could have a hundred thousand.
const MOST: usize = 50;

/// Reads a file into its layer. `profile` is the one to overlay, `profiles` collects those that
/// there are.
pub(in crate::config) fn load(
    inner: &mut Inner,
    named: &Named,
    profile: Option<&str>,
    profiles: &mut Vec<Box<str>>,
    problems: &mut Vec<Error>,
) {
    let Some(parse) = parser(&named.path) else {
        let shown = named.path.to_string_lossy().into_owned();
        problems.push(problem::invalid(Setting::Files, shown, named.by.clone()).into());
        return;
    };
    let text = match open::open(&named.path).and_then(open::read) {
        Ok(text) => text,
        Err(source) => {
            let (path, from) = (named.path.clone(), Box::new(named.by.clone()));
            problems.push(ConfigError::Unreadable { path, from, source }.into());
            return;
        }
    };
    let layer = Layer { inner, profile, profiles, problems };
    layer.add(&named.path, &text, parse(&text));
}

type Parser = fn(&str) -> Result<Node, Vec<Fault>>;

/// The one for this extension.
fn parser(path: &Path) -> Option<Parser> {
    match path.extension()?.to_str()? {
        "toml" => Some(toml::parse),
        "yaml" | "yml" => Some(yaml::parse),
        "json" => Some(json::parse),
        _ => None,
    }
}

/// Where what a file says goes.
struct Layer<'p> {
    inner: &'p mut Inner,
    profile: Option<&'p str>,
    profiles: &'p mut Vec<Box<str>>,
    problems: &'p mut Vec<Error>,
}

impl Layer<'_> {
    /// Adds what a file of this text was parsed to.
    fn add(self, path: &Path, text: &str, parsed: Result<Node, Vec<Fault>>) {
        let Self { inner, profile, profiles, problems } = self;
        let mut file = File { path: path.into(), text, shown: None };
        match parsed {
            Ok(root) => {
                let name = crate::escape_text(&path.to_string_lossy());
                let shown = shown::without_secrets(text, &root);
                file.shown = shown.map(|text| Arc::new(NamedSource::new(name, text)));
                Loading { file, inner, profile, profiles, problems }.root(&root);
            }
            Err(faults) => {
                // Nothing is shown: without a tree nobody knows which parts are secret.
                problems.extend(faults.into_iter().take(MOST).map(|fault| file.syntax(fault)));
            }
        }
    }
}

/// A file that was read.
struct File<'a> {
    path: Arc<Path>,
    text: &'a str,
    shown: Option<Arc<NamedSource<String>>>,
}

impl File<'_> {
    fn place(&self, span: &Range<usize>) -> FilePlace {
        let end = self.text.len();
        let mut start = span.start.min(end);
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        FilePlace {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            span: start..span.end.clamp(start, end),
            text: self.shown.clone(),
        }
    }

    fn syntax(&self, fault: Fault) -> Error {
        let place = Box::new(self.place(&fault.span));
        ConfigError::Syntax { place, reason: fault.reason }.into()
    }
}

struct Loading<'a, 'p> {
    file: File<'a>,
    inner: &'p mut Inner,
    profile: Option<&'p str>,
    profiles: &'p mut Vec<Box<str>>,
    problems: &'p mut Vec<Error>,
}

impl Loading<'_, '_> {
    fn root(&mut self, root: &Node) {
        let Some(entries) = self.table(root) else { return };
        let (profiles, keys): (Vec<_>, Vec<_>) =
            entries.iter().partition(|(key, _)| *key.text == PROFILES);
        for (key, value) in keys {
            self.entry(key, value, true);
        }
        // Above the file's other keys.
        for (_, profiles) in profiles {
            let Some(entries) = self.table(profiles) else { continue };
            for (name, profile) in entries {
                self.profiles.push(name.text.as_str().into());
                let chosen = self.profile == Some(name.text.as_str());
                let Some(entries) = self.table(profile) else { continue };
                for (key, value) in entries {
                    self.entry(key, value, chosen);
                }
            }
        }
    }

    /// The entries of a table, each key once.
    fn table<'n>(&mut self, node: &'n Node) -> Option<&'n [(Key, Node)]> {
        let Kind::Table(entries) = &node.kind else {
            let reason = format!("expected a table of keys, found {}", node.type_name());
            self.problems.push(self.file.syntax(Fault { reason, span: node.span.clone() }));
            return None;
        };
        for (again, first) in tree::repeated(entries).take(MOST) {
            let line = self.file.place(&first.span).line;
            let text = crate::escape_text(&again.text);
            let reason = format!("key {text:?} is given twice, first in line {line}");
            self.problems.push(self.file.syntax(Fault { reason, span: again.span.clone() }));
        }
        Some(entries)
    }

    /// Checks one key, and adds its value unless its profile is not chosen.
    fn entry(&mut self, key: &Key, node: &Node, counts: bool) {
        if self.problems.len() >= MOST {
            return;
        }
        let Some(setting) = Setting::from_key(&key.text) else {
            let from = Box::new(Source::File(self.file.place(&key.span)));
            let suggestion = nearest::suggestion(&key.text);
            let key = crate::escape_text(&key.text).into();
            self.problems.push(ConfigError::UnknownSetting { key, from, suggestion }.into());
            return;
        };
        let source = Source::File(self.file.place(&node.span));
        let raw = node.raw();
        match raw.as_ref().and_then(|raw| setting.form().read(raw)) {
            Some(value) if counts => self.inner.add(setting, Candidate { value, source }),
            Some(_) => {}
            None => {
                let shown = raw.map_or_else(|| node.type_name().to_owned(), |raw| raw.shown());
                self.problems.push(problem::invalid(setting, shown, source).into());
            }
        }
    }
}

/// Adds a file of this text, which lies nowhere.
#[cfg(any(test, fuzzing))]
pub(in crate::config) fn load_text(
    inner: &mut Inner,
    path: &Path,
    text: &str,
    problems: &mut Vec<Error>,
) {
    let parse = parser(path).expect("the caller names a format");
    let layer = Layer { inner, profile: Some("fuzzed"), profiles: &mut Vec::new(), problems };
    layer.add(path, text, parse(text));
}
