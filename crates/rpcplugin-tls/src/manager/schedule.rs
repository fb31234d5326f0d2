//! When a certificate is renewed.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{builder::Plan, origin::Origin};
use crate::{CertInfo, DAY};

/// What a renewal goes by, beside the plan.
pub(super) struct Schedule {
    /// When the present certificate was issued; unknown for those of files that are not new, which
    /// then count from their own first moment. That moment lies in the past of what is issued here, so
    /// that clocks may differ, and is no measure of a life of hours.
    issued: Option<SystemTime>,
    renewed: Instant,
    /// After a failure: not before.
    retry: Option<Instant>,
}

/// How the present certificate stands.
pub(super) struct Standing {
    pub(super) left: Duration,
    /// It would be renewed by now.
    pub(super) is_near_its_end: bool,
    /// It has fewer days left than is wanted, and another would not last longer.
    pub(super) is_last: bool,
    /// How long until it is near its end; none if it is not renewed for that reason.
    due: Option<Duration>,
}

impl Schedule {
    pub(super) fn new(issued: Option<SystemTime>) -> Self {
        Self { issued, renewed: Instant::now(), retry: None }
    }

    /// The origin was asked, and had nothing new.
    pub(super) fn succeeded(&mut self) {
        *self = Self::new(self.issued);
    }

    /// It had this certificate, which may have been issued just now.
    pub(super) fn adopted(&mut self, origin: &Origin, info: &CertInfo, now: SystemTime) {
        let age = now.duration_since(info.not_before).unwrap_or_default();
        let is_new = match origin {
            Origin::Issued { .. } => true,
            Origin::Files(_) => age <= BACKDATE,
        };
        *self = Self::new(is_new.then_some(now));
    }

    pub(super) fn failed(&mut self, plan: &Plan) {
        self.retry = Some(after(Instant::now(), plan.poll));
    }

    /// When the next renewal is due, if the origin is one that issues.
    pub(super) fn due(&self, plan: &Plan, standing: &Standing) -> Option<Instant> {
        let interval = plan.interval.map(|interval| after(self.renewed, interval));
        // Certificates know whole seconds, so that one of less is at its end at once.
        let soonest = after(self.renewed, Duration::from_secs(1));
        let end = standing.due.map(|left| after(Instant::now(), left).max(soonest));
        let due = interval.into_iter().chain(end).min()?;
        Some(self.retry.map_or(due, |retry| due.max(retry)))
    }

    pub(super) fn standing(&self, plan: &Plan, origin: &Origin, info: &CertInfo) -> Standing {
        let now = (plan.clock)();
        let left = info.time_left(now).unwrap_or_default();
        let since = self.issued.unwrap_or(info.not_before);
        let life = info.not_after.duration_since(since).unwrap_or_default();
        // A life shorter than the days asked for has its last third.
        let spare = if life > plan.rotation { plan.rotation } else { life / 3 };
        let wanted = !plan.rotation.is_zero();
        // Another one lasts longer by the time since this one, unless the authority cut it.
        let lasts_longer = origin.end().map(|end| end > info.not_after);
        Standing {
            left,
            is_near_its_end: wanted && left <= spare,
            is_last: wanted && lasts_longer == Some(false) && left <= plan.rotation,
            due: (wanted && lasts_longer == Some(true)).then(|| left.saturating_sub(spare)),
        }
    }
}

/// What is older at birth was issued some time ago.
const BACKDATE: Duration = DAY.saturating_add(Duration::from_secs(60 * 60));

/// A moment that lies after another; those that lie too far off are as good as never.
pub(super) fn after(moment: Instant, distance: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * DAY.as_secs());
    moment + distance.min(NEVER)
}
