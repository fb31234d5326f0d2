use std::{
    io,
    path::{Path, PathBuf},
};

use miette::Diagnostic;
use rpcplugin::{
    Error,
    core::{ConfigError, SecurityError},
};
use serde_json::{Value, json};

use crate::new::ProtoError;

/// The exit code of a command line that makes no sense.
pub(crate) const USAGE: u8 = 2;

/// Why a command gives no answer.
#[derive(Debug, Diagnostic, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Library(Box<Error>),
    #[error("{} exists already", .0.display())]
    #[diagnostic(code(CLI_FILE_EXISTS), help("--force replaces it"))]
    Exists(PathBuf),
    #[error("cannot {verb} {}", path.display())]
    #[diagnostic(code(CLI_FILE), help("look at the path and its permissions"))]
    File { verb: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is not empty", .0.display())]
    #[diagnostic(code(CLI_NOT_EMPTY), help("empty it, or name another place with --path"))]
    Occupied(PathBuf),
    #[error("cannot write the result")]
    #[diagnostic(code(CLI_OUTPUT), help("look at where stdout leads"))]
    Output(#[source] io::Error),
    /// One whose exit code says more.
    #[error("{failure}")]
    Coded { failure: Box<Failure>, code: u8 },
    #[error("interrupted by signal {0}")]
    #[diagnostic(code(CLI_INTERRUPTED), help("the plugin has been ended"))]
    Interrupted(u8),
    #[error("cannot {what}")]
    #[diagnostic(code(CLI_SYSTEM), help("the system lacks something, such as memory"))]
    System { what: &'static str, source: io::Error },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Proto(#[from] Box<ProtoError>),
    #[error("a template of this program does not hold")]
    #[diagnostic(code(CLI_TEMPLATE), help("this is a defect of rpcplugin; please report it"))]
    Template(#[source] Box<minijinja::Error>),
    #[error("{message}")]
    #[diagnostic(code(CLI_USAGE), help("{hint}"))]
    Usage { message: String, hint: &'static str },
}

impl Failure {
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb: "read", path, source }
    }

    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(path),
            _ => Self::File { verb: "write", path, source },
        }
    }

    pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    pub(crate) fn template(error: minijinja::Error) -> Self {
        Self::Template(Box::new(error))
    }

    pub(crate) fn usage(message: impl Into<String>, hint: &'static str) -> Self {
        Self::Usage { message: message.into(), hint }
    }

    /// As miette shows it.
    pub(crate) fn diagnostic(&self) -> &dyn Diagnostic {
        match self {
            Self::Library(error) => &**error,
            Self::Proto(error) => &**error,
            Self::Coded { failure, .. } => failure.diagnostic(),
            own => own,
        }
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Coded { code, .. } => *code,
            Self::Usage { .. } => USAGE,
            // As shells tell of a process that a signal ended.
            Self::Interrupted(signal) => 128 + *signal,
            _ => 1,
        }
    }

    /// In the form of the library's errors.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Library(error) => return error.to_json(),
            Self::Coded { failure, .. } => return failure.to_json(),
            _ => {}
        }
        let text =
            |part: Option<Box<dyn std::fmt::Display + '_>>| part.map(|part| part.to_string());
        let cause = std::error::Error::source(self).map(ToString::to_string);
        let mut error = json!({
            "kind": "Command",
            "code": text(self.code()),
            "message": self.to_string(),
            "hint": text(self.help()),
            "retryable": false,
            "causes": Vec::from_iter(cause),
        });
        if let Self::Proto(problem) = self {
            error["place"] = problem.place();
        }
        error
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Library(Box::new(error))
    }
}

impl From<SecurityError> for Failure {
    fn from(error: SecurityError) -> Self {
        Error::from(error).into()
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Error::from(error).into()
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        Self::usage(first.trim_start_matches("error: "), "--help shows what there is")
    }
}
