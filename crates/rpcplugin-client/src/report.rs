use std::time::Instant;

use rpcplugin_core::{CrashReport, ExitStatus, Phase};

use crate::output::Tail;

/// What a host has seen of one plugin, for its crash report.
pub(crate) struct Witness {
    pid: u32,
    started: Instant,
    stderr: Tail,
    stdout: Stdout,
}

/// What stood on stdout outside the protocol.
enum Stdout {
    /// Before the handshake was accepted.
    First(Vec<String>),
    /// After it.
    Stray(Tail),
}

impl Witness {
    pub(crate) fn new(pid: u32, started: Instant, stderr: Tail) -> Self {
        Self { pid, started, stderr, stdout: Stdout::First(Vec::new()) }
    }

    /// Notes what was read before the handshake was accepted.
    pub(crate) fn saw_on_stdout(&mut self, lines: Vec<String>) {
        self.stdout = Stdout::First(lines);
    }

    /// From here on what stands on stdout is stray.
    pub(crate) fn watch_stdout(&mut self, stray: Tail) {
        self.stdout = Stdout::Stray(stray);
    }

    /// The report on a plugin that has ended, or that was given up while it ran. Waits a bounded
    /// time for its last words, so its end should be known.
    pub(crate) async fn report(&self, phase: Phase, status: Option<ExitStatus>) -> CrashReport {
        let mut report = CrashReport::new(phase);
        report.pid = Some(self.pid).filter(|pid| *pid != 0);
        report.status = status;
        report.alive = self.started.elapsed();
        report.stderr = self.stderr.last_words().await;
        report.stdout = match &self.stdout {
            Stdout::First(lines) => lines.clone(),
            Stdout::Stray(tail) => tail.lines(),
        };
        report
    }

    /// Why the plugin ended, in its own words: the code and the sentence of the line that
    /// rpcplugin's plugins print when they cannot start, else what comes nearest to a reason. And
    /// the hint of such a line.
    pub(crate) fn own_words(&self) -> (Option<String>, Option<String>) {
        let Some(reason) = self.stderr.reason() else { return (None, None) };
        coded(&reason).map_or((Some(reason), None), |(told, hint)| (Some(told), hint))
    }
}

/// Reads `error[CODE]: sentence (hint: what to do)`.
fn coded(line: &str) -> Option<(String, Option<String>)> {
    let (code, sentence) = line.trim().strip_prefix("error[")?.split_once("]: ")?;
    let (sentence, hint) = match sentence.rsplit_once(" (hint: ") {
        Some((sentence, hint)) => (sentence, Some(hint.strip_suffix(')').unwrap_or(hint))),
        None => (sentence, None),
    };
    Some((format!("{code}: {sentence}"), hint.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_sentence_and_hint_are_taken_from_a_plugins_reason() {
        let line =
            r#"error[CONFIG_PORT_RANGE]: port range "9" to "7" cannot work (hint: swap them)"#;
        let read = r#"CONFIG_PORT_RANGE: port range "9" to "7" cannot work"#;
        assert_eq!(coded(line), Some((read.to_owned(), Some("swap them".to_owned()))));
        assert_eq!(coded("error[X]: no hint"), Some(("X: no hint".to_owned(), None)));
        assert_eq!(coded("Segmentation fault"), None);
    }
}
