use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::{Error, Facts, diagnosis, fatal};
use crate::{
    config::{FilePlace, Setting, Source},
    limits,
};

/// A setting cannot work. Nothing was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value has the wrong type, form or range.
    #[error("{setting} cannot be {value:?}: expected {expected}")]
    Invalid {
        /// The setting's name.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What would work.
        expected: &'static str,
    },
    /// A setting has a value of the wrong type, form or range.
    #[error("{setting} cannot be {value:?}: expected {}, set by {from}", setting.expected())]
    Setting {
        /// The setting.
        setting: Setting,
        /// What was given, shortened; `[redacted]` for a secret.
        value: Box<str>,
        /// Who gave it.
        from: Box<Source>,
    },
    /// A configuration file does not parse, or has a key twice.
    #[error("{place}: {reason}")]
    Syntax {
        /// Where.
        place: Box<FilePlace>,
        /// What is wrong there.
        reason: String,
    },
    /// A file that a configuration names, or one with a configuration, cannot be read.
    #[error("{} cannot be read, named by {from}", crate::escape_text(&path.to_string_lossy()))]
    Unreadable {
        /// The file; `[redacted]` where it may be a secret itself.
        path: PathBuf,
        /// Who named it.
        from: Box<Source>,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A key of a configuration means nothing.
    #[error("key {key:?} is not known, set by {from}")]
    UnknownSetting {
        /// The key.
        key: Box<str>,
        /// Who gave it.
        from: Box<Source>,
        /// What was meant, or what replaced it.
        suggestion: Option<String>,
    },
    /// A profile was chosen that nobody defined.
    #[error("profile {name:?} is not defined")]
    UnknownProfile {
        /// The name.
        name: Box<str>,
        /// Those that there are.
        known: Vec<Box<str>>,
    },
    /// Two settings exclude each other, or one needs the other.
    #[error("{first} and {second} cannot go together: {reason}")]
    Settings {
        /// One of the settings, with value and source.
        first: String,
        /// The other.
        second: String,
        /// Why both at once cannot work.
        reason: &'static str,
    },
    /// More than one thing is wrong with a configuration.
    #[error("{} problems: {}", problems.len(), list(problems))]
    Several {
        /// All of them. The first one gives the code, and is never of another kind.
        problems: Vec<Error>,
    },
    /// A value in a file has the wrong type, form or range.
    #[error("{}: {key} cannot be {value:?}: expected {expected}", path.display())]
    FileValue {
        /// The file.
        path: Box<Path>,
        /// The key in it.
        key: Box<str>,
        /// What stands there.
        value: Box<str>,
        /// What would work.
        expected: &'static str,
    },
    /// A key in a file means nothing.
    #[error("{}: key {key:?} is not known", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key in it.
        key: String,
        /// The keys that there are.
        known: &'static [&'static str],
    },
    /// A file that was named, or its directory, cannot be read.
    #[error("{} cannot be read", path.display())]
    FileNotFound {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file does not parse.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    FileSyntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// Two settings exclude each other.
    #[error("{first} excludes {second}: {reason}")]
    Conflict {
        /// One of the settings.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Why both at once cannot work.
        reason: &'static str,
    },
    /// The port range is impossible.
    #[error("port range {min:?} to {max:?} cannot work: {reason}")]
    PortRange {
        /// The lowest port, as given.
        min: String,
        /// The highest port, as given.
        max: String,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The magic cookie is empty or unusable.
    #[error("magic cookie {key:?} cannot work: {reason}")]
    Cookie {
        /// The cookie's variable.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The list of application versions cannot work.
    #[error("protocol versions cannot work: {}{reason}", version.map(|v| format!("{v} is ")).unwrap_or_default())]
    ProtocolVersions {
        /// The version at fault, if it is a single one.
        version: Option<u32>,
        /// What is wrong.
        reason: &'static str,
    },
    /// Two services of one plugin have the same name, or one has a name of the framework.
    #[error("service {service:?} is registered twice for version {version}")]
    DuplicateService {
        /// The service's full name.
        service: String,
        /// The application version it was registered for.
        version: u32,
    },
    /// A service has a name that the framework itself serves.
    #[error("service {service:?} of version {version} is served by the framework itself")]
    ReservedService {
        /// The service's full name.
        service: String,
        /// The application version it was registered for.
        version: u32,
    },
    /// An entry for the child's environment is malformed or not the caller's to set.
    #[error("environment entry {name:?} cannot be passed: {reason}")]
    Env {
        /// The entry's name, escaped.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The directory for sockets is unusable.
    #[error("socket directory {} cannot be used: {reason}", path.display())]
    SocketDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
        /// The system's reason, if it gave one.
        #[source]
        source: Option<io::Error>,
    },
    /// The group for sockets is unknown or not ours.
    #[error("socket group {group:?} cannot be used: {reason}")]
    SocketGroup {
        /// The group, as given.
        group: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The build lacks a feature that a setting needs.
    #[error("{setting} needs the feature {feature:?}, which this build lacks")]
    NotBuilt {
        /// What was asked for.
        setting: &'static str,
        /// The feature of the crate.
        feature: &'static str,
    },
    /// Settings changed that hold until the plugin starts again.
    #[error("{} cannot change while the plugin runs", keys(settings))]
    NotReloadable {
        /// All of them.
        settings: Vec<Setting>,
    },
}

/// Their keys.
fn keys(settings: &[Setting]) -> String {
    let keys = settings.iter().map(|one| one.variable().to_ascii_lowercase());
    keys.collect::<Vec<_>>().join(", ")
}

/// One after the other.
pub(super) fn list<E: fmt::Display>(problems: &[E]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl ConfigError {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::Invalid { expected, .. } => fatal("CONFIG_INVALID", format!("give {expected}")),
            Self::FileValue { expected, .. } => {
                fatal("CONFIG_INVALID", format!("correct the file: give {expected}"))
            }
            Self::Setting { setting, from, .. } => {
                fatal(setting.code(), format!("correct it, or remove it, where it was set: {from}"))
            }
            Self::UnknownSetting { suggestion, .. } => fatal(
                "CONFIG_UNKNOWN_KEY",
                suggestion.clone().unwrap_or_else(|| "see the table of settings".to_owned()),
            ),
            Self::UnknownProfile { known, .. } => {
                fatal("CONFIG_UNKNOWN_PROFILE", format!("defined are {}", known.join(", ")))
            }
            Self::Settings { .. } => {
                fatal("CONFIG_CONFLICT", "change one of the two where it was set")
            }
            Self::Several { problems } => {
                let code = problems.first().map_or("CONFIG_INVALID", Error::code);
                fatal(code, "correct all that is listed")
            }
            Self::UnknownKey { known, .. } => {
                fatal("CONFIG_UNKNOWN_KEY", format!("known are {}", known.join(", ")))
            }
            Self::Unreadable { from, .. } => fatal(
                "CONFIG_FILE_NOT_FOUND",
                format!(
                    "it must be a file of text, at most 1 MiB long, that this user can read; it was named by {from}"
                ),
            ),
            Self::Syntax { .. } => {
                fatal("CONFIG_FILE_SYNTAX", "the format follows from the file's extension")
            }
            Self::FileNotFound { .. } => fatal(
                "CONFIG_FILE_NOT_FOUND",
                "it must exist, be text, and be readable by this user",
            ),
            Self::FileSyntax { .. } => {
                fatal("CONFIG_FILE_SYNTAX", "the format follows from the file's extension")
            }
            Self::Conflict { first, second, .. } => {
                fatal("CONFIG_CONFLICT", format!("choose between {first} and {second}"))
            }
            Self::PortRange { .. } => fatal(
                "CONFIG_PORT_RANGE",
                "ports are 0 to 65535, the minimum not above the maximum; 0 and 0 let the system choose",
            ),
            Self::Cookie { .. } => fatal(
                "CONFIG_COOKIE",
                "host and plugin share one cookie: MagicCookie::new(\"MY_APP_COOKIE\", \"some long random text\"), or PLUGIN_MAGIC_COOKIE_KEY and PLUGIN_MAGIC_COOKIE_VALUE",
            ),
            Self::ProtocolVersions { .. } => fatal(
                "CONFIG_PROTOCOL_VERSIONS",
                "a host lists its versions with versions([…]), a plugin gives each once with plugins(version, set)",
            ),
            Self::DuplicateService { .. } => {
                fatal("CONFIG_DUPLICATE_SERVICE", "remove one of the two from the PluginSet")
            }
            Self::ReservedService { .. } => fatal(
                "CONFIG_DUPLICATE_SERVICE",
                "health, controller, stdio, broker and reflection come with the server; leave them out of the PluginSet",
            ),
            Self::Env { .. } => fatal(
                "CONFIG_ENV",
                "names must not be empty nor hold = or NUL, and the variables of the handshake are the host's to set",
            ),
            Self::SocketDir { .. } => fatal(
                "CONFIG_SOCKET_DIR",
                format!(
                    "it must be an existing directory of this user, writable, and at most {} bytes long, or {} where a private one is made in it",
                    limits::SOCKET_DIR,
                    limits::SOCKET_BASE
                ),
            ),
            Self::SocketGroup { .. } => fatal(
                "CONFIG_SOCKET_GROUP",
                "name a group that this process belongs to, or its number",
            ),
            Self::NotBuilt { feature, .. } => {
                fatal("CONFIG_NOT_BUILT", format!("enable the feature {feature:?} in Cargo.toml"))
            }
            Self::NotReloadable { .. } => {
                fatal("CONFIG_NOT_RELOADABLE", "leave them as they are, or start the plugin anew")
            }
        }
    }
}

impl ConfigError {
    /// Where in a file, and what to write beside it.
    pub(super) fn place(&self) -> Option<(&FilePlace, String)> {
        match self {
            Self::Setting { setting, from, .. } => {
                Some((from.place()?, format!("expected {}", setting.expected())))
            }
            Self::UnknownSetting { from, .. } => Some((from.place()?, "not known".to_owned())),
            Self::Syntax { place, reason } => Some((place, reason.clone())),
            Self::Unreadable { from, .. } => Some((from.place()?, "named here".to_owned())),
            _ => None,
        }
    }
}

diagnosis!(ConfigError {
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.place().and_then(|(place, _)| place.source_code())
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let (place, text) = self.place()?;
        Some(Box::new(std::iter::once(place.label(text))))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let Self::Several { problems } = self else { return None };
        Some(Box::new(problems.iter().map(|problem| problem as &dyn miette::Diagnostic)))
    }
});
