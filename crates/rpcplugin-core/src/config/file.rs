//! Configuration files: one tree for all three formats, with the place of every key and value.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use miette::{LabeledSpan, NamedSource};

#[cfg(feature = "config-files")]
mod json;
#[cfg(feature = "config-files")]
mod load;
pub(super) mod open;
#[cfg(feature = "config-files")]
mod shown;
#[cfg(feature = "config-files")]
mod toml;
#[cfg(feature = "config-files")]
mod tree;
#[cfg(feature = "config-files")]
mod yaml;

#[cfg(feature = "config-files")]
pub(super) use self::load::load;
#[cfg(all(feature = "config-files", any(test, fuzzing)))]
pub(super) use self::load::load_text;

/// A place in a configuration file. `Display` writes `path:line:column`.
#[derive(Clone)]
pub struct FilePlace {
    path: Arc<Path>,
    line: usize,
    column: usize,
    span: Range<usize>,
    /// The file's text, secrets starred out; `None` where they could not be told from the rest.
    text: Option<Arc<NamedSource<String>>>,
}

impl FilePlace {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    #[must_use]
    pub const fn column(&self) -> usize {
        self.column
    }

    /// The first character of a file, for samples of errors.
    #[cfg(test)]
    pub(crate) fn beginning(path: &str) -> Self {
        Self { path: Path::new(path).into(), line: 1, column: 1, span: 0..0, text: None }
    }

    /// For miette.
    pub(crate) fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.text.as_deref().map(|text| text as &dyn miette::SourceCode)
    }

    /// For miette: points at it.
    pub(crate) fn label(&self, text: String) -> LabeledSpan {
        LabeledSpan::new(Some(text), self.span.start, self.span.len())
    }
}

impl PartialEq for FilePlace {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, &self.span) == (&other.path, &other.span)
    }
}

impl Eq for FilePlace {}

impl fmt::Display for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = crate::escape_text(&self.path.to_string_lossy());
        write!(f, "{path}:{}:{}", self.line, self.column)
    }
}

impl fmt::Debug for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilePlace({self})")
    }
}

/// A file that somebody named.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) path: PathBuf,
    pub(super) by: super::Source,
}

/// Without parsers a named file cannot be ignored: it may demand protection.
#[cfg(not(feature = "config-files"))]
pub(super) fn load(
    _: &mut super::Inner,
    named: &Named,
    _: Option<&str>,
    _: &mut Vec<Box<str>>,
    problems: &mut Vec<crate::Error>,
) {
    let setting = match named.by {
        super::Source::Variable(name) => name,
        _ => "a configuration file",
    };
    problems.push(crate::ConfigError::NotBuilt { setting, feature: "config-files" }.into());
}
