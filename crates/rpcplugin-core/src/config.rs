//! The settings, in layers: default, program, files, environment; a later one wins.
//!
//! [`Setting`] lists them with type, range, default and meaning. [`Config`] is their values,
//! resolved once and immutable; each has an accessor. [`Values`] is how a program or a builder
//! gives its own.
//!
//! **Invariants:** the variables of the handshake are never read here. Secrets are shown nowhere.
//! The environment is a value passed in; only [`Config::load`] takes that of the process. Files are
//! read while a configuration is built, and not after.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use crate::{ConfigError, Error};

mod builder;
mod cert_text;
mod field;
mod file;
mod form;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod nearest;
mod problem;
mod profile;
mod rules;
mod secret;
mod setting;
mod source;
mod table;
mod value;
mod values;
mod words;

pub use self::{
    builder::ConfigBuilder,
    file::FilePlace,
    form::{Form, Unit, Zero},
    secret::Secret,
    setting::Reader,
    source::Source,
    table::Setting,
    value::Value,
    values::Values,
    words::{CertKeyType, LogLevel, ReflectionMode, TlsMinVersion},
};

/// Every setting, resolved. Cloning is cheap.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpcplugin_core::{Config, Network, config::Source};
///
/// let config = Config::builder()
///     .set("plugin_handshake_timeout", "10s")
///     .environment([("PLUGIN_SERVER_TRANSPORTS", "tcp")])
///     .build()?;
/// assert_eq!(config.handshake_timeout(), Duration::from_secs(10));
/// assert_eq!(config.server_transports(), [Network::Tcp]);
/// assert!(config.auto_mtls());
///
/// let entry = config.source("plugin_server_transports").unwrap();
/// assert_eq!(entry.source, Source::Variable("PLUGIN_SERVER_TRANSPORTS"));
/// # Ok::<(), rpcplugin_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Config {
    inner: Arc<Inner>,
}

/// A value that one layer gives.
#[derive(Clone)]
struct Candidate {
    value: Value,
    source: Source,
}

#[derive(Clone)]
struct Inner {
    /// For each setting what the layers give, the winner last.
    stacks: Vec<Vec<Candidate>>,
    tls_demand: Option<&'static str>,
    files: Vec<PathBuf>,
    profiles: Vec<Box<str>>,
    warnings: Vec<String>,
}

/// What is known of one setting's value.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The setting.
    pub setting: Setting,
    /// The value that holds, as text; secrets as `[redacted]`. `None` if there is none.
    pub value: Option<String>,
    /// Where it came from.
    pub source: Source,
    /// What it won over, the next best first.
    pub overridden: Vec<Overridden>,
}

/// A value that another layer's won over.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Overridden {
    /// The value, as text; secrets as `[redacted]`.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

impl Config {
    /// The settings of this process's environment, and of the files that it names.
    ///
    /// # Errors
    ///
    /// As [`ConfigBuilder::build`].
    pub fn load() -> Result<Self, Error> {
        Self::builder().environment(std::env::vars_os()).build()
    }

    /// Starts with the defaults alone; the environment is not looked at unless it is given.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// The same, with these values in the layer of the program: they win over the program's other
    /// values, and lose to files and environment.
    ///
    /// # Errors
    ///
    /// As [`ConfigBuilder::build`], for the combination of all; `CONFIG_INVALID` for files and a
    /// profile, which are read while a configuration is built, and not after.
    pub fn with_program(&self, values: Values) -> Result<Self, Error> {
        let mut inner = Inner::clone(&self.inner);
        inner.tls_demand = values.tls_demand.or(inner.tls_demand);
        let mut problems = Vec::new();
        inner.add_values(values, &mut problems);
        if problems.is_empty() {
            problems = inner.check_rules();
        }
        inner.read_certificates(&mut problems);
        problem::outcome(problems)?;
        Ok(Self { inner: inner.into() })
    }

    /// The value of a setting; `None` if nobody set it and it has no default.
    #[must_use]
    pub fn value(&self, setting: Setting) -> Option<&Value> {
        self.inner.value(setting)
    }

    /// Where the value of a key, such as `"plugin_start_timeout"`, came from, and what it won
    /// over. `None` for a key that does not exist.
    #[must_use]
    pub fn source(&self, key: &str) -> Option<Entry> {
        Setting::from_key(key).map(|setting| self.entry(setting))
    }

    /// The same for a setting.
    #[must_use]
    pub fn entry(&self, setting: Setting) -> Entry {
        let mut candidates = self.inner.stack(setting).iter().rev();
        candidates.next();
        let shown = |one: &Candidate| Overridden {
            value: one.value.to_string(),
            source: one.source.clone(),
        };
        let mut overridden: Vec<_> = candidates.map(shown).collect();
        if let Some(value) = setting.default().filter(|_| !self.inner.stack(setting).is_empty()) {
            overridden.push(Overridden { value: value.to_string(), source: Source::Default });
        }
        Entry {
            setting,
            value: match self.inner.stack(setting).last() {
                Some(winner) => Some(winner.value.to_string()),
                None => setting.default().map(|value| value.to_string()),
            },
            source: self.inner.source(setting),
            overridden,
        }
    }

    /// Every setting with its value and source, in the order of the documents.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        Setting::ALL.iter().map(|setting| self.entry(*setting))
    }

    /// The settings whose values differ, in the order of the documents. Where a value comes from is
    /// no difference, and neither is which files and profile there are.
    pub fn differences(&self, other: &Self) -> impl Iterator<Item = Setting> {
        let named = |one: &Setting| matches!(one, Setting::Files | Setting::Profile);
        let all = Setting::ALL.iter().copied().filter(move |one| !named(one));
        all.filter(|one| self.value(*one) != other.value(*one))
    }

    /// The configuration files that were read, in order.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.inner.files
    }

    /// The profile that was chosen.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        match self.value(Setting::Profile) {
            Some(Value::Text(name)) => Some(name),
            _ => None,
        }
    }

    /// The profiles that the files define, by name, whether or not one was chosen.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        self.inner.profiles.iter().map(|name| &**name)
    }

    /// What does not end a start and should be logged: variables that look like a setting and are
    /// none.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }
}

impl fmt::Debug for Config {
    /// What was set, with its source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.entries().filter(|entry| entry.source != Source::Default);
        let set = set.map(|one| (one.setting, one.value.unwrap_or_default(), one.source));
        f.debug_list().entries(set).finish()
    }
}

impl Inner {
    fn new() -> Self {
        let stacks = vec![Vec::new(); Setting::ALL.len()];
        Self {
            stacks,
            tls_demand: None,
            files: Vec::new(),
            profiles: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn stack(&self, setting: Setting) -> &[Candidate] {
        self.stacks.get(setting as usize).map_or(&[], Vec::as_slice)
    }

    fn value(&self, setting: Setting) -> Option<&Value> {
        match self.stack(setting).last() {
            Some(candidate) => Some(&candidate.value),
            None => default(setting),
        }
    }

    fn source(&self, setting: Setting) -> Source {
        self.stack(setting).last().map_or(Source::Default, |winner| winner.source.clone())
    }

    /// Puts a value above those of its rank and below those of the next.
    fn add(&mut self, setting: Setting, candidate: Candidate) {
        let Some(stack) = self.stacks.get_mut(setting as usize) else { return };
        let rank = candidate.source.rank();
        let place = stack.partition_point(|present| present.source.rank() <= rank);
        stack.insert(place, candidate);
    }

    fn add_values(&mut self, values: Values, problems: &mut Vec<Error>) {
        for (setting, value) in values.values {
            if matches!(setting, Setting::Files | Setting::Profile) {
                let expected = "nothing: only what builds a configuration names files and profile";
                let (setting, value) = (setting.variable(), value.to_string());
                problems.push(ConfigError::Invalid { setting, value, expected }.into());
            } else if setting.form().admits(&value) {
                self.add(setting, Candidate { value, source: Source::Program });
            } else {
                let shown = value.to_string();
                problems.push(problem::invalid(setting, shown, Source::Program).into());
            }
        }
    }
}

/// The table's defaults, read once.
fn default(setting: Setting) -> Option<&'static Value> {
    static DEFAULTS: OnceLock<Vec<Option<Value>>> = OnceLock::new();
    let all = DEFAULTS.get_or_init(|| Setting::ALL.iter().map(|one| one.default()).collect());
    all.get(setting as usize)?.as_ref()
}

#[cfg(test)]
mod tests;
