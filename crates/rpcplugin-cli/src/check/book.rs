//! What was found.

use super::rule::{Level, Rule};

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Verdict {
    Pass,
    /// A broken *must*.
    Fail,
    /// A broken *should*.
    Warn,
    /// The rule does not concern this peer, or could not be tried.
    NotApplicable,
}

impl Verdict {
    pub(crate) const ALL: [Self; 4] = [Self::Pass, Self::Fail, Self::Warn, Self::NotApplicable];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// One rule, and how the peer keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) rule: &'static Rule,
    pub(crate) verdict: Verdict,
    /// What was seen, escaped; without pids, times and paths, so that two runs say the same.
    pub(crate) seen: String,
}

/// Why a session could not go on. What it has not looked at is not applicable, for this reason.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) String);

pub(crate) type Session = Result<(), Stop>;

/// The findings of one session.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) findings: Vec<Finding>,
}

impl Book {
    /// Notes whether a rule is kept, and answers that. The first word on a rule counts.
    pub(crate) fn check(
        &mut self,
        rule: &'static Rule,
        kept: bool,
        seen: impl Into<String>,
    ) -> bool {
        let verdict = match (kept, rule.level) {
            (true, _) => Verdict::Pass,
            (false, Level::Must) => Verdict::Fail,
            (false, Level::Should) => Verdict::Warn,
        };
        self.note(rule, verdict, seen.into());
        kept
    }

    pub(crate) fn skip(&mut self, rule: &'static Rule, why: impl Into<String>) {
        self.note(rule, Verdict::NotApplicable, why.into());
    }

    /// Gives each of these rules that has no finding yet the reason why it was not tried.
    pub(crate) fn close(&mut self, rules: &[&'static Rule], ended: Session) {
        let why = match ended {
            Ok(()) => "not tried".to_owned(),
            Err(Stop(why)) => why,
        };
        rules.iter().for_each(|rule| self.skip(rule, why.clone()));
    }

    fn note(&mut self, rule: &'static Rule, verdict: Verdict, seen: String) {
        if !self.findings.iter().any(|known| known.rule == rule) {
            self.findings.push(Finding { rule, verdict, seen });
        }
    }
}
