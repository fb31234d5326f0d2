use std::{ffi::OsString, path::PathBuf};

use zeroize::Zeroizing;

use super::{
    Candidate, Config, Inner, Setting, Source, Value, Values, file, form::read::Raw, nearest,
    problem, profile,
};
use crate::{ConfigError, Error};

/// Collects the layers of a [`Config`].
///
/// Nothing is looked at before [`build`](ConfigBuilder::build), which reports everything that is
/// wrong at once.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ConfigBuilder {
    /// Keys with their values as text, which may be secrets: `Debug` shows neither.
    keys: Vec<(String, Written)>,
    values: Values,
    environment: Vec<(OsString, Bytes)>,
    profile: Option<String>,
    files: Vec<PathBuf>,
}

/// Text that may be a secret; wiped when dropped.
#[derive(Clone)]
struct Written(Zeroizing<String>);

/// The same, as the environment has it.
#[derive(Clone)]
struct Bytes(OsString);

macro_rules! hidden {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("…")
            }
        }
    )*};
}
hidden!(Written, Bytes);

impl ConfigBuilder {
    /// Sets a key as text, such as `"plugin_start_timeout"` to `"10s"`.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.keys.push((key.into(), Written(Zeroizing::new(value.into()))));
        self
    }

    /// Sets values in their own types. They win over what [`set`](ConfigBuilder::set) gave, and
    /// over those of an earlier call; a demand for TLS of an earlier call stays.
    pub fn program(mut self, values: Values) -> Self {
        self.values = self.values.merged(values);
        self
    }

    /// Reads this YAML, JSON or TOML file, by its extension; a later one wins. Those that
    /// `PLUGIN_CONFIG_FILE` names come after the program's.
    ///
    /// Needs the feature `config-files`; without it [`build`](ConfigBuilder::build) refuses.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Overlays this profile; `PLUGIN_PROFILE` wins over it.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// Reads settings from these variables, instead of from none. An empty one counts as unset.
    ///
    /// [`Config::load`] gives those of the process.
    pub fn environment<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        // What cannot be ours is not kept.
        let ours = variables.filter(|(name, value): &(OsString, OsString)| {
            let known = name.to_str().is_some_and(is_ours);
            known && !value.is_empty()
        });
        self.environment = ours.map(|(name, value)| (name, Bytes(value))).collect();
        self
    }

    /// Resolves every setting.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID`, `CONFIG_PORT_RANGE`, `CONFIG_COOKIE`, `CONFIG_PROTOCOL_VERSIONS` and
    /// `CONFIG_ENV` for a value that cannot be; `CONFIG_UNKNOWN_KEY`, `CONFIG_UNKNOWN_PROFILE`;
    /// `CONFIG_FILE_NOT_FOUND` and `CONFIG_FILE_SYNTAX` for files, `CONFIG_NOT_BUILT` for any in a
    /// build without the feature `config-files`; `SECURITY_FILE_PERMISSIONS` for a key that others
    /// can read; `CONFIG_CONFLICT`; `SECURITY_CONFIG_CONFLICT` if a layer lowers the protection that
    /// another chose; `SECURITY_TLS_REQUIRED` without any certificates. With several problems it is
    /// the first one's code, and all are listed.
    pub fn build(mut self) -> Result<Config, Error> {
        let mut problems = Vec::new();
        let mut inner = Inner::new();
        inner.tls_demand = self.values.tls_demand;
        self.add_files(&mut inner, &mut problems);
        for (key, Written(mut value)) in self.keys {
            let value = std::mem::take(&mut *value);
            match Setting::from_key(&key) {
                Some(setting) => {
                    add(&mut inner, setting, Raw::Text(value), Source::Program, &mut problems);
                }
                None => problems.push(
                    ConfigError::UnknownSetting {
                        suggestion: nearest::suggestion(&key),
                        key: crate::escape_text(&key).into(),
                        from: Box::new(Source::Program),
                    }
                    .into(),
                ),
            }
        }
        inner.add_values(self.values, &mut problems);
        for (name, Bytes(value)) in self.environment {
            let Some(name) = name.to_str() else { continue };
            match Setting::from_variable(name) {
                // They were followed before all others.
                Some(Setting::Files | Setting::Profile) => {}
                Some(setting) => {
                    let raw = value.into_string().map_or_else(Raw::Bytes, Raw::Text);
                    let source = Source::Variable(setting.variable());
                    add(&mut inner, setting, raw, source, &mut problems);
                }
                None => inner.warnings.extend(nearest::warning(name)),
            }
        }
        // A value that cannot be says nothing about its neighbours.
        if problems.is_empty() {
            problems = inner.check_rules();
        }
        inner.read_certificates(&mut problems);
        problem::outcome(problems)?;
        Ok(Config { inner: inner.into() })
    }

    /// Those that the variables name come after the program's.
    fn named_files(&mut self, inner: &mut Inner) -> Vec<file::Named> {
        let named = |by: Source| move |path| file::Named { path, by: by.clone() };
        if let Some(Value::Paths(paths)) = self.values.take(Setting::Files) {
            self.files.extend(paths);
        }
        let mut all = self.files.clone();
        let mut files: Vec<_> = all.iter().cloned().map(named(Source::Program)).collect();
        if !all.is_empty() {
            let value = Value::Paths(all.clone());
            inner.add(Setting::Files, Candidate { value, source: Source::Program });
        }
        if let Some(list) = self.variable("PLUGIN_CONFIG_FILE") {
            let source = Source::Variable("PLUGIN_CONFIG_FILE");
            // An empty entry between two separators names nothing.
            let paths = std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty());
            let paths: Vec<_> = paths.collect();
            files.extend(paths.iter().cloned().map(named(source.clone())));
            all.extend(paths);
            inner.add(Setting::Files, Candidate { value: Value::Paths(all), source });
        }
        files
    }

    /// Adds what is said of it, and tells the winner.
    fn chosen_profile(&mut self, inner: &mut Inner, problems: &mut Vec<Error>) -> Option<String> {
        if let Some(Value::Text(name)) = self.values.take(Setting::Profile) {
            self.profile = Some(name);
        }
        let given = self.variable("PLUGIN_PROFILE");
        let given =
            given.cloned().map(|name| name.into_string().map_or_else(Raw::Bytes, Raw::Text));
        let own = self.profile.clone().map(Raw::Text).map(|name| (name, Source::Program));
        let layers = own.into_iter().chain(given.map(|n| (n, Source::Variable("PLUGIN_PROFILE"))));
        for (name, source) in layers {
            add(inner, Setting::Profile, name, source, problems);
        }
        match inner.value(Setting::Profile) {
            Some(Value::Text(name)) => Some(name.clone()),
            _ => None,
        }
    }

    fn variable(&self, wanted: &str) -> Option<&OsString> {
        let mut all = self.environment.iter();
        all.find(|(name, _)| name == wanted).map(|(_, Bytes(value))| value)
    }

    /// The files, with the profile that was chosen.
    fn add_files(&mut self, inner: &mut Inner, problems: &mut Vec<Error>) {
        let chosen = self.chosen_profile(inner, problems);
        let files = self.named_files(inner);
        let mut known: Vec<Box<str>> = Vec::new();
        for file in &files {
            file::load(inner, file, chosen.as_deref(), &mut known, problems);
        }
        inner.files = files.into_iter().map(|file| file.path).collect();
        inner.profiles = known.clone();
        inner.profiles.sort_unstable();
        inner.profiles.dedup();

        let Some(name) = chosen else { return };
        let defined = known.iter().any(|known| **known == *name);
        let built_in = profile::built_in(&name);
        if built_in.is_none() && !defined {
            known.push(profile::GO_PLUGIN.into());
            known.sort_unstable();
            known.dedup();
            let known = known.iter().map(|known| crate::escape_text(known).into()).collect();
            let name = crate::escape_text(&name).into();
            problems.push(ConfigError::UnknownProfile { name, known }.into());
        }
        for (setting, value) in built_in.into_iter().flat_map(|values| values.values) {
            let source = Source::BuiltInProfile(profile::GO_PLUGIN);
            inner.add(setting, Candidate { value, source });
        }
    }
}

/// Whether a variable may be a setting, or be meant as one.
fn is_ours(name: &str) -> bool {
    crate::env::is_private(name.as_ref())
        || Setting::from_variable(name).is_some()
        || nearest::is_retired(name)
}

/// Reads one value into its place.
pub(super) fn add(
    inner: &mut Inner,
    setting: Setting,
    raw: Raw,
    source: Source,
    problems: &mut Vec<Error>,
) {
    match setting.form().read(&raw) {
        Some(value) => inner.add(setting, Candidate { value, source }),
        None => problems.push(problem::invalid(setting, raw.shown(), source).into()),
    }
}
