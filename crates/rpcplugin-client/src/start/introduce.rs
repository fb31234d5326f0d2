use rpcplugin_core::{Error, HandshakeError, Phase, escape};
use tokio::time::{Instant, sleep_until};

use super::{
    Clock, Launched,
    candidate::{Candidate, Failure},
    prepare::Kept,
};
use crate::{
    Timings,
    accept::{Accepted, Policy, accept},
    life::Piped,
    output::Line,
    plan::Plan,
};

/// A process that has said who it is, in a way that this host accepts.
pub(super) struct Introduced<L> {
    pub(super) candidate: Candidate<L>,
    pub(super) kept: Kept,
    pub(super) accepted: Accepted,
    /// The line that was accepted.
    pub(super) line: String,
    /// When its line was complete.
    pub(super) at: Instant,
    pub(super) timings: Timings,
}

impl<L: Piped> Launched<L> {
    /// Waits for the handshake line and judges it.
    ///
    /// # Errors
    ///
    /// `HANDSHAKE_TIMEOUT`, `HANDSHAKE_PLUGIN_EXITED`, and those of [`accept`].
    pub(super) async fn introduce(
        self,
        plan: &Plan,
        clock: &Clock,
    ) -> Result<Introduced<L>, Error> {
        let Self { mut candidate, kept, at: launched, spawn } = self;
        let bound = clock.phase(launched, plan.settings.config.handshake_timeout());
        let lenient = plan.settings.options.lenient_banner;
        let Some(mut lines) = candidate.lines() else {
            return Err(candidate.give_up(Failure::silent()).await);
        };
        let read = tokio::select! {
            biased;
            line = lines.handshake_line(lenient) => Some(line),
            _ = candidate.process.ended() => None,
            () = sleep_until(bound.deadline) => {
                let error = HandshakeError::Timeout { limit: bound.limit };
                let late = Failure::late(Phase::Handshake, error);
                candidate.witness.saw_on_stdout(lines.seen());
                return Err(candidate.give_up(late).await);
            }
        };
        // A line that was complete before the process ended counts. Others may hold the pipe
        // open, so what it has now is all that is read.
        let line = read.unwrap_or_else(|| lines.handshake_line_now(lenient));
        match judge(&line, plan, &kept, &candidate.process) {
            Ok(accepted) => {
                candidate.drain(lines);
                let at = Instant::now();
                let timings = Timings { spawn, handshake: at - launched, ..Timings::default() };
                let line = line.into_text();
                Ok(Introduced { candidate, kept, accepted, line, at, timings })
            }
            Err(failure) => {
                candidate.witness.saw_on_stdout(lines.seen());
                Err(candidate.give_up(failure).await)
            }
        }
    }
}

fn judge(line: &Line, plan: &Plan, kept: &Kept, process: &impl Piped) -> Result<Accepted, Failure> {
    /// Enough to recognise it.
    const SHOWN: usize = 200;
    match line {
        Line::Complete(line) => {
            let policy = Policy {
                versions: &plan.settings.versions,
                transports: &plan.settings.networks(),
                addresses: &kept.addresses,
                tls: &plan.settings.tls,
                multiplex: plan.settings.config.host_multiplex_grpc(),
            };
            let map = process.addresses();
            let to_host = |address| match map {
                Some(map) => map.to_host(address),
                None => Ok(address),
            };
            accept(line, &policy, to_host)
                .map_err(|error| Failure::refused(Phase::Handshake, error))
        }
        Line::TooLong(start) => {
            let start = escape(start.get(..SHOWN).unwrap_or(start));
            Err(Failure::refused(Phase::Handshake, HandshakeError::LineTooLong { start }))
        }
        Line::End => Err(Failure::silent()),
    }
}
