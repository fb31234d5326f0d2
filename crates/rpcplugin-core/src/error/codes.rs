//! What there is to know of each code, for people who operate hosts and plugins.
//!
//! One file for each kind. `docs/reference/errors.md` is written from these rows, and tests hold
//! them against the variants.

use std::fmt;

use super::Kind;

mod config;
mod handshake;
mod protocol;
mod security;
mod transport;

/// A code: what it means, what it comes from, and what to do about it.
///
/// # Example
///
/// ```
/// use rpcplugin_core::{CodeInfo, Kind, Retryable};
///
/// let info = CodeInfo::of("HANDSHAKE_TIMEOUT").unwrap();
/// assert_eq!(info.kind, Kind::Handshake);
/// assert_eq!(info.retryable, Retryable::Yes);
/// println!("{}\n{}", info.meaning, info.remedy);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CodeInfo {
    /// The kind of the errors that have it.
    pub kind: Kind,
    /// The code itself. It never changes its meaning.
    pub code: &'static str,
    /// What has happened, in one sentence.
    pub meaning: &'static str,
    /// What it usually comes from, the likeliest first.
    pub causes: &'static [&'static str],
    /// What to do about it, as sentences.
    pub remedy: &'static str,
    /// Whether the same operation, unchanged, may succeed soon.
    pub retryable: Retryable,
}

/// Whether the same operation, unchanged, may succeed soon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Retryable {
    /// It will fail again.
    No,
    /// It may pass by itself. For calls that holds only if the method may run twice.
    Yes,
    /// It depends on the status of the call: `ABORTED` is retryable, others are not.
    ByStatus,
}

impl fmt::Display for Retryable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::ByStatus => "only for the status `ABORTED`",
        })
    }
}

impl CodeInfo {
    /// The row of a code; `None` if there is no such code.
    #[must_use]
    pub fn of(code: &str) -> Option<&'static Self> {
        codes().find(|info| info.code == code)
    }
}

/// Every code, by kind.
pub fn codes() -> impl Iterator<Item = &'static CodeInfo> {
    let kinds =
        [config::CODES, handshake::CODES, protocol::CODES, transport::CODES, security::CODES];
    kinds.into_iter().flatten()
}

/// The rows of one kind. A part that is left out does not compile.
macro_rules! rows {
    ($kind:ident: $(
        $code:literal, $retryable:ident,
        meaning: $meaning:literal,
        causes: [$($cause:literal),+ $(,)?],
        remedy: $remedy:literal;
    )+) => {
        pub(super) const CODES: &[super::CodeInfo] = &[$(super::CodeInfo {
            kind: crate::Kind::$kind,
            code: $code,
            meaning: $meaning,
            causes: &[$($cause),+],
            remedy: $remedy,
            retryable: super::Retryable::$retryable,
        }),+];
    };
}
use rows;

#[cfg(test)]
mod tests;
