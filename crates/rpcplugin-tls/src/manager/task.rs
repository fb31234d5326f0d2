//! The one task that changes what a manager holds.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rpcplugin_core::SecurityError;
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, sleep_until},
};

use super::{
    CertEvent, Command, Present,
    builder::Plan,
    judge,
    lists::Lists,
    origin::{self, Found, Origin},
    present::Overlap,
    renewal::Renewal,
    schedule::{Schedule, Standing, after},
};
use crate::{CertAuthority, CertInfo, DAY, Fingerprint, Identity, Roots};

pub(super) struct Task {
    origin: Origin,
    plan: Plan,
    present: Arc<Present>,
    events: broadcast::Sender<CertEvent>,
    digest: Option<[u8; 32]>,
    /// What goes wrong since when, and whether it was told: once is enough.
    trouble: Option<Trouble>,
    /// The certificate whose end was announced.
    warned: Option<Fingerprint>,
    schedule: Schedule,
    renewal: Option<Renewal>,
    lists: Option<Lists>,
}

/// What a manager knows of the first certificate.
pub(super) struct First {
    /// When it was issued, if that was just now.
    pub(super) issued: Option<SystemTime>,
    pub(super) digest: Option<[u8; 32]>,
    pub(super) renewal: Option<Renewal>,
    pub(super) lists: Option<Lists>,
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
        found: First,
    ) -> Self {
        let schedule = Schedule::new(found.issued);
        let (digest, trouble, warned) = (found.digest, None, None);
        let First { renewal, lists, .. } = found;
        Self { origin, plan, present, events, digest, trouble, warned, schedule, renewal, lists }
    }

    /// Ends when the last handle aborts it, or with the runtime.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut look = Instant::now();
        loop {
            let overlap = self.present.held().overlap.as_ref().map(|overlap| overlap.until);
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => {
                        self.obey(command).await;
                        look = look.min(self.next_look());
                    }
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
        let next = after(Instant::now(), self.plan.poll);
        match self.schedule.due(&self.plan, &self.standing()) {
            Some(due) => next.min(due).max(Instant::now() + MOMENT),
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
        self.renew_files().await;
        self.look_at_lists().await;
        let is_due = match self.origin {
            Origin::Files(_) => true,
            Origin::Issued { .. } => self
                .schedule
                .due(&self.plan, &self.standing())
                .is_some_and(|due| due <= Instant::now()),
        };
        if is_due {
            let _ = self.renew(false).await;
        }
        let standing = self.standing();
        if standing.is_near_its_end || standing.is_last {
            self.warn(standing.left);
        }
    }

    fn standing(&self) -> Standing {
        let info = CertInfo::of(self.present.held().identity.certificate());
        self.schedule.standing(&self.plan, &self.origin, &info)
    }

    fn warn(&mut self, left: Duration) {
        let fingerprint = self.present.held().identity.certificate().fingerprint();
        if self.warned.replace(fingerprint) != Some(fingerprint) {
            tracing::warn!(%fingerprint, ?left, "certificate expires soon");
            self.tell(CertEvent::ExpiringSoon { left });
        }
    }

    /// Has the files renewed, if they are this manager's to renew, before they are read.
    async fn renew_files(&mut self) {
        let is_near_its_end = self.standing().is_near_its_end;
        let now = (self.plan.clock)();
        let held = self.present.identity().certificate().fingerprint();
        let Some(renewal) = self.renewal.as_mut().filter(|one| is_near_its_end && one.may_try())
        else {
            return;
        };
        if let Err(error) = renewal.run(now, held).await
            && renewal.is_news(&error)
        {
            self.report(&error);
        }
    }

    async fn look_at_lists(&mut self) {
        let now = (self.plan.clock)();
        let Some(lists) = &mut self.lists else { return };
        match lists.look(now).await {
            Ok(Some(crls)) => {
                self.present.put_lists(crls);
                tracing::info!("other revocation lists count");
                self.tell(CertEvent::ListsReplaced);
            }
            Ok(None) => {
                let held = self.present.held();
                if held.crls.as_ref().is_some_and(|crls| lists.have_run_out(crls, now)) {
                    tracing::warn!(
                        "a revocation list is out of date, and whom it covers is refused"
                    );
                    self.tell(CertEvent::ListsRanOut);
                }
            }
            Err(error) if lists.is_news(&error) => {
                self.report(&error);
            }
            Err(_) => {}
        }
    }

    async fn renew(&mut self, asked: bool) -> Result<(), SecurityError> {
        let now = (self.plan.clock)();
        let found = origin::get(&self.origin, now, self.digest).await;
        match found.and_then(|found| self.adopt(found, now)) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.schedule.failed(&self.plan);
                Err(self.failed(&error, asked))
            }
        }
    }

    fn adopt(&mut self, found: Option<Found>, now: SystemTime) -> Result<(), SecurityError> {
        let Some(found) = found else {
            self.trouble = None;
            self.schedule.succeeded();
            return Ok(());
        };
        judge::may_replace(&found, &self.present.held(), now)
            .map_err(|error| self.origin.blame(error))?;
        self.trouble = None;
        self.digest = found.digest;
        let info = CertInfo::of(found.identity.certificate());
        self.schedule.adopted(&self.origin, &info, now);
        let (fingerprint, not_after) = (info.fingerprint, info.not_after);
        self.put(found.identity, found.roots);
        tracing::info!(%fingerprint, subject = info.subject, "new certificate in use");
        self.tell(match self.origin {
            Origin::Issued { .. } => CertEvent::Renewed { fingerprint, not_after },
            Origin::Files(_) => CertEvent::Reloaded { fingerprint, not_after },
        });
        Ok(())
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
            Some(Overlap { roots: before, until: after(Instant::now(), self.plan.overlap) })
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
        let failed = self.rotation_failed(reason.clone());
        let known = self.trouble.take().filter(|trouble| trouble.reason == reason);
        let mut trouble =
            known.unwrap_or_else(|| Trouble { reason, since: Instant::now(), told: false });
        let lasts = match self.origin {
            Origin::Files(_) => trouble.since.elapsed() >= LASTING,
            Origin::Issued { .. } => true,
        };
        if asked || lasts && !trouble.told {
            trouble.told = true;
            self.tell_failed(failed.clone());
        }
        self.trouble = Some(trouble);
        failed
    }

    /// Tells of a failure that keeps no certificate of the files from being used.
    fn report(&self, error: &SecurityError) {
        self.tell_failed(self.rotation_failed(error.to_string()));
    }

    fn rotation_failed(&self, reason: String) -> SecurityError {
        let left = self.standing().left;
        let days = i64::try_from(left.as_secs() / DAY.as_secs()).unwrap_or(i64::MAX);
        let days_left = if left.is_zero() { -1 } else { days };
        SecurityError::RotationFailed { reason, days_left }
    }

    fn tell_failed(&self, failed: SecurityError) {
        tracing::error!(code = failed.code(), "{failed}");
        self.tell(CertEvent::Failed { error: failed });
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
