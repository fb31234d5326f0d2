//! Findings as text, JSON and JUnit's XML.

mod junit;

use std::io::{self, Write};

use serde_json::{Value, json};

pub(crate) use self::junit::junit;
use super::{
    book::{Finding, Verdict},
    rule::Rule,
};
use crate::output::{BAD, FAINT, GOOD, STRONG, WARNING};

/// What was checked, and what was found.
#[derive(Debug)]
pub(crate) struct Report {
    /// The command, escaped.
    pub(crate) command: String,
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    /// Whether no *must* is broken.
    pub(crate) fn passed(&self) -> bool {
        self.count(Verdict::Fail) == 0
    }

    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    pub(crate) fn text(&self, f: &mut dyn Write) -> io::Result<()> {
        writeln!(f, "plugin {STRONG}{}{STRONG:#}", self.command)?;
        for finding in &self.findings {
            let (style, word) = match finding.verdict {
                Verdict::Pass => (GOOD, "pass"),
                Verdict::Fail => (BAD, "FAIL"),
                Verdict::Warn => (WARNING, "warn"),
                Verdict::NotApplicable => (FAINT, "n/a"),
            };
            let Rule { id, level, section, title, fix } = finding.rule;
            let level = level.as_str();
            writeln!(f, "  {style}{word:4}{style:#}  {level:6}  {id:24}  {title}")?;
            match finding.verdict {
                Verdict::Pass => {}
                Verdict::NotApplicable => writeln!(f, "{FAINT}        {}{FAINT:#}", finding.seen)?,
                Verdict::Fail | Verdict::Warn => {
                    writeln!(f, "        seen: {}", finding.seen)?;
                    writeln!(f, "        fix:  {fix}")?;
                    writeln!(f, "        rule: docs/wire-format.md, {section}")?;
                }
            }
        }
        let [passed, failed, warned, skipped] = Verdict::ALL.map(|verdict| self.count(verdict));
        writeln!(
            f,
            "{STRONG}{passed} passed, {failed} failed, {warned} warnings, {skipped} not \
             applicable{STRONG:#}"
        )
    }

    pub(crate) fn json(&self) -> Value {
        let [passed, failed, warned, skipped] = Verdict::ALL.map(|verdict| self.count(verdict));
        let findings = self.findings.iter().map(|finding| {
            let mut object = describe(finding.rule);
            object["verdict"] = finding.verdict.as_str().into();
            object["seen"] = finding.seen.as_str().into();
            object
        });
        json!({
            "role": "plugin",
            "command": self.command,
            "passed": self.passed(),
            "summary": {
                "pass": passed,
                "fail": failed,
                "warn": warned,
                "not applicable": skipped,
            },
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}

/// The table itself.
pub(crate) fn list(rules: &[&Rule], f: &mut dyn Write) -> io::Result<()> {
    for Rule { id, level, section, title, .. } in rules {
        writeln!(f, "{id:24}  {:6}  {section:18}  {title}", level.as_str())?;
    }
    Ok(())
}

pub(crate) fn list_json(rules: &[&Rule]) -> Value {
    Value::Array(rules.iter().map(|rule| describe(rule)).collect())
}

fn describe(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "level": rule.level.as_str(),
        "section": rule.section,
        "title": rule.title,
        "fix": rule.fix,
    })
}
