//! Five kinds of errors, and [`Error`] for operations that span several.
//!
//! Each kind lists its variants, then in `facts` one row for each: code, whether the same
//! operation may succeed soon, and what to do. `codes` says more of each code, for operators.
//! Codes never change their meaning.

use std::{borrow::Cow, error::Error as StdError, fmt};

use serde_json::{Value, json};

use crate::CrashReport;

mod codes;
mod config;
mod handshake;
mod json;
mod protocol;
mod security;
mod system;
mod transport;

pub use self::{
    codes::{CodeInfo, Retryable, codes},
    config::ConfigError,
    handshake::{HandshakeError, MissingPart},
    protocol::ProtocolError,
    security::SecurityError,
    system::SystemError,
    transport::TransportError,
};

/// What is the same for every error of one variant.
pub(crate) struct Facts {
    code: &'static str,
    retryable: bool,
    hint: Cow<'static, str>,
}

/// A row for a failure that the same attempt will meet again.
pub(crate) fn fatal(code: &'static str, hint: impl Into<Cow<'static, str>>) -> Facts {
    Facts { code, retryable: false, hint: hint.into() }
}

/// A row for a failure that may pass by itself.
pub(crate) fn retryable(code: &'static str, hint: impl Into<Cow<'static, str>>) -> Facts {
    Facts { code, retryable: true, hint: hint.into() }
}

/// Gives a kind its public face, from its `facts`; what else a diagnostic has stands in braces.
macro_rules! diagnosis {
    ($kind:ident $({ $($diagnostic:item)* })?) => {
        impl $kind {
            /// The stable code, such as `HANDSHAKE_TIMEOUT`.
            #[must_use]
            pub fn code(&self) -> &'static str {
                self.facts().code
            }

            /// What to do about it.
            #[must_use]
            pub fn hint(&self) -> std::borrow::Cow<'static, str> {
                self.facts().hint
            }

            /// Whether the same operation, unchanged, may succeed soon.
            #[must_use]
            pub fn is_retryable(&self) -> bool {
                self.facts().retryable
            }
        }

        impl miette::Diagnostic for $kind {
            fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
                Some(Box::new($kind::code(self)))
            }

            fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
                Some(Box::new($kind::hint(self)))
            }

            $($($diagnostic)*)?
        }
    };
}
pub(crate) use diagnosis;

/// The five kinds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A setting cannot work.
    Config,
    /// A plugin did not start, or did not introduce itself.
    Handshake,
    /// A peer broke the rules of a protocol, or a call ended with a status.
    Protocol,
    /// A connection could not be made, or was lost.
    Transport,
    /// A security condition is not met.
    Security,
}

impl Kind {
    /// The kind's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "Config",
            Self::Handshake => "Handshake",
            Self::Protocol => "Protocol",
            Self::Transport => "Transport",
            Self::Security => "Security",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an operation that spans several kinds failed, and the report on the plugin, if one ran.
///
/// # Example
///
/// ```
/// use rpcplugin_core::{Error, HandshakeError, Kind};
///
/// let error: Error = HandshakeError::FieldCount { count: 3, line: "1|1|unix".into() }.into();
/// assert_eq!(error.kind(), Kind::Handshake);
/// assert_eq!(error.code(), "HANDSHAKE_FIELD_COUNT");
/// assert!(!error.is_retryable());
/// assert_eq!(error.to_json()["kind"], "Handshake");
/// ```
///
/// # In `main`
///
/// A `main` that returns `Result<(), Error>`, or the same in a box, prints `{:?}`. So that is
/// for people too: code, message, causes, hint and the report's lines. `{:#?}` shows the fields.
#[non_exhaustive]
pub enum Error {
    /// A setting cannot work.
    Config {
        /// What is wrong.
        source: ConfigError,
        /// What is known about the plugin, if it ran.
        report: Option<Box<CrashReport>>,
    },
    /// A plugin did not start, or did not introduce itself.
    Handshake {
        /// What is wrong.
        source: HandshakeError,
        /// What is known about the plugin, if it ran.
        report: Option<Box<CrashReport>>,
    },
    /// A peer broke the rules of a protocol, or a call ended with a status.
    Protocol {
        /// What is wrong.
        source: ProtocolError,
        /// What is known about the plugin, if it ran.
        report: Option<Box<CrashReport>>,
    },
    /// A connection could not be made, or was lost.
    Transport {
        /// What is wrong.
        source: TransportError,
        /// What is known about the plugin, if it ran.
        report: Option<Box<CrashReport>>,
    },
    /// A security condition is not met.
    Security {
        /// What is wrong.
        source: SecurityError,
        /// What is known about the plugin, if it ran.
        report: Option<Box<CrashReport>>,
    },
}

/// Runs `$body` with the source of whichever kind it is.
macro_rules! each_kind {
    ($error:expr, $source:ident => $body:expr) => {
        match $error {
            Error::Config { source: $source, .. } => $body,
            Error::Handshake { source: $source, .. } => $body,
            Error::Protocol { source: $source, .. } => $body,
            Error::Transport { source: $source, .. } => $body,
            Error::Security { source: $source, .. } => $body,
        }
    };
}

impl Error {
    /// Which of the five kinds it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Config { .. } => Kind::Config,
            Self::Handshake { .. } => Kind::Handshake,
            Self::Protocol { .. } => Kind::Protocol,
            Self::Transport { .. } => Kind::Transport,
            Self::Security { .. } => Kind::Security,
        }
    }

    /// The stable code, such as `HANDSHAKE_TIMEOUT`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        each_kind!(self, source => source.code())
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Cow<'static, str> {
        each_kind!(self, source => source.hint())
    }

    /// Whether the same operation, unchanged, may succeed soon.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        each_kind!(self, source => source.is_retryable())
    }

    /// What is known about the plugin, if one ran.
    #[must_use]
    pub fn report(&self) -> Option<&CrashReport> {
        match self {
            Self::Transport {
                source: TransportError::PluginGone { report: Some(report) }, ..
            } => Some(report),
            Self::Config { report, .. }
            | Self::Handshake { report, .. }
            | Self::Protocol { report, .. }
            | Self::Transport { report, .. }
            | Self::Security { report, .. } => report.as_deref(),
        }
    }

    /// Attaches what is known about the plugin.
    #[must_use]
    pub fn with_report(mut self, new: CrashReport) -> Self {
        let (Self::Config { report, .. }
        | Self::Handshake { report, .. }
        | Self::Protocol { report, .. }
        | Self::Transport { report, .. }
        | Self::Security { report, .. }) = &mut self;
        *report = Some(Box::new(new));
        self
    }

    /// The error for machines: `kind`, `code`, `message`, `hint`, `retryable`, `causes` and,
    /// where a plugin ran, `report`; where a file is to blame, `place` with `file`, `line` and
    /// `column`; where several things are wrong, `problems`, each in the same form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let causes: Vec<String> = std::iter::successors(self.source(), |cause| (*cause).source())
            .map(ToString::to_string)
            .collect();
        let mut value = json!({
            "kind": self.kind().as_str(),
            "code": self.code(),
            "message": self.to_string(),
            "hint": self.hint(),
            "retryable": self.is_retryable(),
            "causes": causes,
        });
        if let Some(report) = self.report() {
            value["report"] = report.to_json();
        }
        json::add_details(self, &mut value);
        value
    }
}

impl fmt::Debug for Error {
    /// All of it for a person, in several lines; with `{:#?}` the fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            let mut fields = f.debug_struct(self.kind().as_str());
            each_kind!(self, source => fields.field("source", source));
            return fields.field("report", &self.report()).finish();
        }
        write!(f, "{}: {self}", self.code())?;
        for cause in std::iter::successors(self.source(), |cause| (*cause).source()) {
            write!(f, "\ncaused by: {cause}")?;
        }
        write!(f, "\nhint: {}", self.hint())?;
        match self.report() {
            Some(report) => write!(f, "\n{report}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        each_kind!(self, source => source.fmt(f))
    }
}

impl StdError for Error {
    /// The cause below the kind: the message above is already the kind's own.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        each_kind!(self, source => source.source())
    }
}

impl miette::Diagnostic for Error {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(Self::code(self)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let hint = self.hint();
        Some(match self.report() {
            Some(report) => Box::new(format!("{hint}\n{report}")),
            None => Box::new(hint),
        })
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        each_kind!(self, source => miette::Diagnostic::source_code(source))
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        each_kind!(self, source => source.labels())
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        each_kind!(self, source => source.related())
    }
}

macro_rules! from_kind {
    ($($variant:ident($kind:ident)),*) => {$(
        impl From<$kind> for Error {
            fn from(source: $kind) -> Self {
                Self::$variant { source, report: None }
            }
        }
    )*};
}
from_kind!(
    Config(ConfigError),
    Handshake(HandshakeError),
    Protocol(ProtocolError),
    Transport(TransportError),
    Security(SecurityError)
);

#[cfg(test)]
mod tests;
