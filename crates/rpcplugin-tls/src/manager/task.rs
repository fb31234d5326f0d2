//! The one task that changes what a manager holds.

use std::{sync::Arc, time::Duration};

use rpcplugin_core::SecurityError;
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, sleep_until},
};

use super::{
    CertEvent, Command, Present,
    builder::Plan,
    origin::{self, Found, Origin},
    present::Overlap,
};
use crate::{CertAuthority, CertInfo, Fingerprint, Identity, Roots};

pub(super) struct Task {
    origin: Origin,
    plan: Plan,
    present: Arc<Present>,
    events: broadcast::Sender<CertEvent>,
    digest: Option<[u8; 32]>,
    /// What goes wrong since when, and whether it was told: once is enough.
    trouble: Option<Trouble>,
    /// A certificate that was near its end when it was new: another would be no better.
    short: Option<Fingerprint>,
    /// The certificate whose end was announced.
    warned: Option<Fingerprint>,
    renewed: Instant,
}

struct Trouble {
    reason: String,
    since: Instant,
    told: bool,
}

impl Task {
    pub(super) fn new(
        origin: Origin,
        plan: Plan,
        present: Arc<Present>,
        events: broadcast::Sender<CertEvent>,
        digest: Option<[u8; 32]>,
    ) -> Self {
        let renewed = Instant::now();
        let (trouble, short, warned) = (None, None, None);
        Self { origin, plan, present, events, digest, trouble, short, warned, renewed }
    }

    /// Ends when the last handle aborts it, or with the runtime.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut look = Instant::now();
        loop {
            let overlap = self.present.held().overlap.as_ref().map(|overlap| overlap.until);
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                () = sleep_until(overlap.unwrap_or(look)), if overlap.is_some() => {
                    self.end_overlap();
                }
                () = sleep_until(look) => {
                    self.look().await;
                    look = self.next_look();
                }
            }
        }
    }

    fn next_look(&self) -> Instant {
        let next = Instant::now() + self.plan.poll;
        match self.plan.interval {
            Some(interval) => next.min(self.renewed + interval).max(Instant::now() + MOMENT),
            None => next,
        }
    }

    async fn obey(&mut self, command: Command) {
        let (answer, done) = match command {
            Command::Renew(answer) => (answer, self.renew(true).await),
            Command::Authority(authority, answer) => (answer, self.replace(authority).await),
            Command::Roots(roots, answer) => (answer, self.trust(roots)),
        };
        // Whoever asked may have given up.
        let _ = answer.send(done);
    }

    /// What is due by the clock.
    async fn look(&mut self) {
        match self.origin {
            Origin::Files(_) => {
                let _ = self.renew(false).await;
            }
            Origin::Issued { .. } => {
                let due = self.plan.interval.is_some_and(|every| self.renewed.elapsed() >= every);
                if due || self.is_near_its_end() && self.short != Some(self.fingerprint()) {
                    let _ = self.renew(false).await;
                }
            }
        }
        if self.is_near_its_end() {
            self.warn();
        }
    }

    fn info(&self) -> CertInfo {
        CertInfo::of(self.present.held().identity.certificate())
    }

    fn fingerprint(&self) -> Fingerprint {
        self.present.held().identity.certificate().fingerprint()
    }

    fn left(&self) -> Duration {
        self.info().time_left((self.plan.clock)()).unwrap_or_default()
    }

    /// A certificate whose whole life is shorter than the days asked for has its last third.
    fn is_near_its_end(&self) -> bool {
        let info = self.info();
        let life = info.not_after.duration_since(info.not_before).unwrap_or_default();
        !self.plan.rotation.is_zero() && self.left() <= self.plan.rotation.min(life / 3)
    }

    fn warn(&mut self) {
        let fingerprint = self.fingerprint();
        if self.warned.replace(fingerprint) != Some(fingerprint) {
            let left = self.left();
            tracing::warn!(%fingerprint, ?left, "certificate expires soon");
            self.tell(CertEvent::ExpiringSoon { left });
        }
    }

    async fn renew(&mut self, asked: bool) -> Result<(), SecurityError> {
        match origin::get(&self.origin, (self.plan.clock)()).await {
            Ok(found) => {
                self.adopt(found);
                Ok(())
            }
            Err(error) => Err(self.failed(&error, asked)),
        }
    }

    fn adopt(&mut self, found: Found) {
        self.trouble = None;
        self.renewed = Instant::now();
        if found.digest.is_some() && found.digest == self.digest {
            return;
        }
        self.digest = found.digest;
        let info = CertInfo::of(found.identity.certificate());
        let (fingerprint, not_after) = (info.fingerprint, info.not_after);
        self.put(found.identity, found.roots);
        self.short = self.is_near_its_end().then_some(fingerprint);
        tracing::info!(%fingerprint, subject = info.subject, "new certificate in use");
        self.tell(match self.origin {
            Origin::Issued { .. } => CertEvent::Renewed { fingerprint, not_after },
            Origin::Files(_) => CertEvent::Reloaded { fingerprint, not_after },
        });
    }

    /// The roots from before stay trusted for a while, if they are others.
    fn put(&self, identity: Identity, roots: Roots) {
        let held = self.present.held();
        let overlap = if roots == held.roots {
            held.overlap.clone()
        } else {
            let before = match &held.overlap {
                Some(overlap) if overlap.until > Instant::now() => held.roots.and(&overlap.roots),
                _ => held.roots.clone(),
            };
            Some(Overlap { roots: before, until: Instant::now() + self.plan.overlap })
        };
        self.present.put(identity, roots, overlap);
    }

    fn end_overlap(&self) {
        let held = self.present.held();
        self.present.put(held.identity.clone(), held.roots.clone(), None);
        tracing::info!("roots from before the latest change are trusted no more");
        self.tell(CertEvent::OverlapEnded);
    }

    async fn replace(&mut self, other: CertAuthority) -> Result<(), SecurityError> {
        let before = self.origin.clone();
        let Origin::Issued { authority, roots, .. } = &mut self.origin else {
            return Err(self.failed(&from_files(), true));
        };
        *authority = other;
        *roots = None;
        let done = self.renew(true).await;
        if done.is_err() {
            self.origin = before;
        }
        done
    }

    fn trust(&mut self, trusted: Roots) -> Result<(), SecurityError> {
        let Origin::Issued { roots, .. } = &mut self.origin else {
            return Err(self.failed(&from_files(), true));
        };
        *roots = Some(trusted.clone());
        let identity = self.present.held().identity.clone();
        self.put(identity, trusted);
        tracing::info!("other roots are trusted");
        self.tell(CertEvent::RootsReplaced);
        Ok(())
    }

    /// Tells of a failure at once if somebody asked; else when it has lasted, and once. Files are
    /// replaced one after another, and between two of them they are no pair.
    fn failed(&mut self, error: &SecurityError, asked: bool) -> SecurityError {
        let reason = error.to_string();
        let left = self.left();
        let days = i64::try_from(left.as_secs() / (24 * 60 * 60)).unwrap_or(i64::MAX);
        let days_left = if left.is_zero() { -1 } else { days };
        let failed = SecurityError::RotationFailed { reason: reason.clone(), days_left };
        let known = self.trouble.take().filter(|trouble| trouble.reason == reason);
        let mut trouble =
            known.unwrap_or_else(|| Trouble { reason, since: Instant::now(), told: false });
        let lasts = match self.origin {
            Origin::Files(_) => trouble.since.elapsed() >= LASTING,
            Origin::Issued { .. } => true,
        };
        if asked || lasts && !trouble.told {
            trouble.told = true;
            tracing::error!(code = failed.code(), "{failed}");
            self.tell(CertEvent::Failed { error: failed.clone() });
        }
        self.trouble = Some(trouble);
        failed
    }

    fn tell(&self, event: CertEvent) {
        // There may be nobody who listens.
        let _ = self.events.send(event);
    }
}

/// However short the interval, other work is done in between.
const MOMENT: Duration = Duration::from_millis(1);

/// For longer than it takes to replace two files on a busy machine.
const LASTING: Duration = Duration::from_secs(2);

fn from_files() -> SecurityError {
    crate::files::invalid("its certificates come from files; replace those")
}
