//! What came out of a pair.

use std::fmt;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// What came out of one pair.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Every check passed, save those that a peer's limit rules out.
    Passed {
        checks: Vec<Check>,
    },
    Failed {
        reason: String,
        checks: Vec<Check>,
    },
    /// One of the two cannot do this at all, for the reason given.
    NotPossible(String),
    /// One of the two could not be set up, for the reason given.
    PeerMissing(String),
}

impl Outcome {
    /// Judges a pair by its checks.
    pub(super) fn of(checks: Vec<Check>) -> Self {
        let failed = checks.iter().filter(|check| !check.passed);
        let reasons: Vec<_> =
            failed.map(|check| format!("{}: {}", check.name, check.detail)).collect();
        if checks.is_empty() {
            Self::Failed { reason: "the host checked nothing".into(), checks }
        } else if reasons.is_empty() {
            Self::Passed { checks }
        } else {
            Self::Failed { reason: reasons.join("; "), checks }
        }
    }

    /// One word for the matrix and for machines.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Passed { .. } => "passed",
            Self::Failed { .. } => "failed",
            Self::NotPossible(_) => "not possible",
            Self::PeerMissing(_) => "peer missing",
        }
    }

    /// Why it is not simply passed.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed { .. } => None,
            Self::Failed { reason, .. } | Self::NotPossible(reason) | Self::PeerMissing(reason) => {
                Some(reason)
            }
        }
    }

    pub(super) fn checks(&self) -> &[Check] {
        match self {
            Self::Passed { checks } | Self::Failed { checks, .. } => checks,
            Self::NotPossible(_) | Self::PeerMissing(_) => &[],
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.reason()) {
            (Self::Passed { checks }, _) => write!(f, "passed, {} checks", checks.len()),
            (_, Some(reason)) => write!(f, "{}: {reason}", self.word()),
            (_, None) => f.write_str(self.word()),
        }
    }
}

/// One check of a pair.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) passed: bool,
    /// What was seen, or what went wrong.
    pub(super) detail: String,
}

impl Check {
    /// A check made by this command, rather than by the host.
    pub(super) fn of(name: &str, result: Result<String>) -> Self {
        let passed = result.is_ok();
        let detail = result.unwrap_or_else(|error| format!("{error:#}"));
        Self { name: name.into(), passed, detail }
    }

    /// Reads one line of a host's output.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let read = || {
            let value: Value = serde_json::from_str(line).ok()?;
            Some(Self {
                name: value["check"].as_str()?.to_owned(),
                passed: value["passed"].as_bool()?,
                detail: value["detail"].as_str()?.to_owned(),
            })
        };
        read().with_context(|| format!("not a check: {line:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: &str = r#"{"check": "tls", "passed": true, "detail": "TLS 1.3"}"#;
    const FAILED: &str = r#"{"check": "exit", "passed": false, "detail": "exit status 1"}"#;

    fn judged(lines: &[&str]) -> Outcome {
        Outcome::of(lines.iter().map(|line| Check::parse(line).unwrap()).collect())
    }

    #[test]
    fn a_pair_passes_if_every_check_does() {
        assert_eq!(judged(&[PASSED, PASSED]).to_string(), "passed, 2 checks");
    }

    #[test]
    fn one_failed_check_fails_the_pair_and_is_its_reason() {
        assert_eq!(judged(&[PASSED, FAILED]).to_string(), "failed: exit: exit status 1");
    }

    #[test]
    fn a_host_that_checks_nothing_has_not_passed() {
        assert_eq!(judged(&[]).word(), "failed");
    }

    #[test]
    fn other_output_is_not_a_check() {
        assert!(Check::parse("hello").is_err());
        assert!(Check::parse(r#"{"check": "tls"}"#).is_err());
    }
}
