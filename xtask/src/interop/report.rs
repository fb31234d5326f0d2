//! The matrix, for people and for machines.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use super::{
    outcome::Outcome,
    pairs::{Pair, WAYS},
    peers::Peers,
};

/// What has come out of the pairs so far.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(Pair, Outcome, Duration)>);

impl Report {
    pub(super) fn add(&mut self, pair: Pair, outcome: Outcome, took: Duration) {
        self.0.push((pair, outcome, took));
    }

    pub(super) fn failed(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Failed { .. }))
    }

    pub(super) fn missing(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::PeerMissing(_)))
    }

    fn count(&self, which: impl Fn(&Outcome) -> bool) -> usize {
        self.0.iter().filter(|(_, outcome, _)| which(outcome)).count()
    }

    pub(super) fn to_json(&self, peers: &Peers) -> Value {
        let peers = peers.iter().map(|(peer, missing, took)| {
            json!({ "name": peer.name(), "missing": missing, "setup_ms": took.as_millis() })
        });
        let pairs = self.0.iter().map(|(pair, outcome, took)| {
            let checks = outcome.checks().iter().map(|check| {
                json!({ "name": check.name, "passed": check.passed, "detail": check.detail })
            });
            let limits = notes(pair, outcome);
            json!({
                "pair": pair.ends(),
                "tls": pair.tls.word(),
                "network": pair.network.word(),
                "outcome": outcome.word(),
                "reason": outcome.reason(),
                "limits": limits,
                "checks": checks.collect::<Vec<_>>(),
                "ms": took.as_millis(),
            })
        });
        json!({
            "passed": self.count(|outcome| matches!(outcome, Outcome::Passed { .. })),
            "failed": self.failed(),
            "not_possible": self.count(|outcome| matches!(outcome, Outcome::NotPossible(_))),
            "peer_missing": self.missing(),
            "peers": peers.collect::<Vec<_>>(),
            "pairs": pairs.collect::<Vec<_>>(),
        })
    }
}

/// What is to be said of a pair beside the word: a reason, or the checks that a limit rules out.
fn notes(pair: &Pair, outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Passed { .. } => {
            let limit = |(check, limit)| format!("without {check}: {limit}");
            pair.limits().into_iter().map(limit).collect()
        }
        _ => outcome.reason().map(str::to_owned).into_iter().collect(),
    }
}

/// One row for each host and plugin, one column for each way, and numbered notes below.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<(String, [String; WAYS.len()])> = Vec::new();
        let mut all_notes: Vec<String> = Vec::new();
        for (pair, outcome, _) in &self.0 {
            let ends = pair.ends();
            if rows.last().is_none_or(|(last, _)| *last != ends) {
                rows.push((ends, Default::default()));
            }
            let mut numbers: Vec<_> = notes(pair, outcome)
                .into_iter()
                .map(|note| {
                    let known = all_notes.iter().position(|known| *known == note);
                    1 + known.unwrap_or_else(|| {
                        all_notes.push(note);
                        all_notes.len() - 1
                    })
                })
                .collect();
            numbers.sort_unstable();
            let numbers = numbers.iter().map(|number| format!(" {number}"));
            let cell = outcome.word().to_owned() + &numbers.collect::<String>();
            let way = WAYS.iter().position(|&way| way == (pair.tls, pair.network));
            if let (Some((_, cells)), Some(way)) = (rows.last_mut(), way) {
                cells[way] = cell;
            }
        }
        let titles = WAYS.map(|(tls, network)| format!("{}, {}", tls.word(), network.word()));
        rows.insert(0, ("host -> plugin".into(), titles));
        let first = rows.iter().map(|(ends, _)| ends.len()).max().unwrap_or_default();
        let widths: [usize; WAYS.len()] = std::array::from_fn(|way| {
            rows.iter().map(|(_, cells)| cells[way].len()).max().unwrap_or_default()
        });
        for (ends, cells) in &rows {
            let mut line = format!("{ends:first$}");
            for (cell, width) in cells.iter().zip(widths) {
                line.push_str(&format!(" | {cell:width$}"));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f)?;
        for (index, note) in all_notes.iter().enumerate() {
            writeln!(f, "{:>3} {note}", index + 1)?;
        }
        let possible = self.count(|outcome| matches!(outcome, Outcome::NotPossible(_)));
        let passed = self.count(|outcome| matches!(outcome, Outcome::Passed { .. }));
        writeln!(f, "\n{possible} not possible, {} without their peer", self.missing())?;
        write!(f, "{passed} passed, {} failed", self.failed())
    }
}
