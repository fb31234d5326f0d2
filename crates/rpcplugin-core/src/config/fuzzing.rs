//! What [`crate::fuzzing`] runs on the readers of settings.

use std::{ffi::OsString, sync::Arc};

use super::{Config, Inner, Setting, Source, builder, form::read::Raw, problem};
use crate::{Error, fuzzing::harmless};

/// A variable for each part, with a setting's number before its value.
pub(crate) fn settings(variables: impl Iterator<Item = (u8, OsString)>) {
    let (mut inner, mut problems) = (Inner::new(), Vec::new());
    for (number, value) in variables {
        let Some(&setting) = Setting::ALL.get(usize::from(number) % Setting::ALL.len()) else {
            continue;
        };
        let raw = value.into_string().map_or_else(Raw::Bytes, Raw::Text);
        let source = Source::Variable(setting.variable());
        builder::add(&mut inner, setting, raw, source, &mut problems);
    }
    hold(inner, problems);
}

/// A file of each format.
#[cfg(feature = "config-files")]
pub(crate) fn file(format: u8, text: &str) {
    let extension = ["toml", "yaml", "json"][usize::from(format) % 3];
    let path = std::path::Path::new("fuzzed").with_extension(extension);
    let (mut inner, mut problems) = (Inner::new(), Vec::new());
    super::file::load_text(&mut inner, &path, text, &mut problems);
    // Fifty, and what the table says of itself on the way.
    assert!(problems.len() <= 151, "{}", problems.len());
    hold(inner, problems);
}

/// What holds of all settings, and of all that is wrong with them. Files that values name are not
/// looked at.
fn hold(inner: Inner, mut problems: Vec<Error>) {
    if problems.is_empty() {
        problems = inner.check_rules();
    }
    for problem in &problems {
        harmless(&problem.to_string());
        assert!(!problem.code().is_empty());
        let diagnostic: &dyn miette::Diagnostic = problem;
        let Some(source) = diagnostic.source_code() else { continue };
        for label in diagnostic.labels().into_iter().flatten() {
            assert!(source.read_span(label.inner(), 1, 1).is_ok(), "{label:?}");
        }
    }
    if problem::outcome(problems).is_err() {
        return;
    }
    let config = Config { inner: Arc::new(inner) };
    for entry in config.entries() {
        for text in entry.value.iter().chain(entry.overridden.iter().map(|one| &one.value)) {
            harmless(text);
        }
    }
    // What is shown of a value that is no text reads as the same value.
    for &setting in Setting::ALL {
        use super::Value::{Flag, Mode, Networks, Number, Versions};
        if let Some(value @ (Flag(_) | Mode(_) | Networks(_) | Number(_) | Versions(_))) =
            config.value(setting)
        {
            let again = setting.form().read(&Raw::Text(value.to_string()));
            assert_eq!(again.as_ref(), Some(value), "{setting}");
        }
    }
}
