use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rpcplugin_core::SecurityError;
use tokio::sync::{broadcast, mpsc};

use super::{
    CertManager, Handle, Present,
    origin::{self, Files, Origin},
    task::{First, Task},
};
use crate::{CertAuthority, IdentityParams, PemSource, Roots};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How a [`CertManager`] works.
#[must_use]
pub struct CertManagerBuilder {
    origin: Origin,
    plan: Plan,
}

/// When a manager does what.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) rotation: Duration,
    pub(super) interval: Option<Duration>,
    pub(super) poll: Duration,
    pub(super) overlap: Duration,
    pub(super) clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl CertManagerBuilder {
    pub(super) fn issuing(authority: CertAuthority, params: IdentityParams) -> Self {
        Self::new(Origin::Issued { authority, params, roots: None }, Duration::from_secs(60))
    }

    pub(super) fn files(certificates: PemSource, key: PemSource, roots: PemSource) -> Self {
        let files = Files { certificates, key, roots };
        Self::new(Origin::Files(files), Duration::from_secs(2))
    }

    fn new(origin: Origin, poll: Duration) -> Self {
        let plan = Plan {
            rotation: 30 * DAY,
            interval: None,
            poll,
            overlap: Duration::from_secs(60 * 60),
            clock: Arc::new(SystemTime::now),
        };
        Self { origin, plan }
    }

    /// Whom to trust, if it is not the authority that issues. Files name their own.
    pub fn roots(mut self, trusted: Roots) -> Self {
        if let Origin::Issued { roots, .. } = &mut self.origin {
            *roots = Some(trusted);
        }
        self
    }

    /// With how many days of validity left a certificate is renewed: 30. One that lasts no longer
    /// than that is renewed in the last third of its life. With 0 never for that reason. Of files,
    /// whose renewal is somebody else's, it is the time of the warning.
    ///
    /// Where another certificate would not last longer, because the authority itself ends, there
    /// is a warning in place of the renewal.
    pub fn rotation_days(mut self, days: u32) -> Self {
        self.plan.rotation = days * DAY;
        self
    }

    /// How often to renew in any case: never. What fails is tried again after a
    /// [`poll`](Self::poll).
    pub fn interval(mut self, interval: Duration) -> Self {
        self.plan.interval = Some(interval);
        self
    }

    /// How often to look at the files: every 2 s; or at the days that are left: every minute. At
    /// least 10 ms.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.plan.poll = poll.max(Duration::from_millis(10));
        self
    }

    /// How long the roots from before a change are trusted beside the new ones: an hour.
    pub fn overlap(mut self, overlap: Duration) -> Self {
        self.plan.overlap = overlap;
        self
    }

    /// What tells the date: the system's clock. How long things take is told by tokio's.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.plan.clock = Arc::new(clock);
        self
    }

    /// Gets the first certificate, and starts the manager's task on the current runtime.
    ///
    /// # Errors
    ///
    /// As [`CertAuthority::issue`], or as [`Identity::load`](crate::Identity::load) and
    /// [`Roots::load`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its time enabled.
    pub async fn start(self) -> Result<CertManager, SecurityError> {
        let Self { origin, plan } = self;
        let now = (plan.clock)();
        let found = origin::get(&origin, now).await?;
        let present = Arc::new(Present::new(found.identity, found.roots));
        let (commands, inbox) = mpsc::channel(8);
        let (events, _) = broadcast::channel(64);
        let issued = matches!(origin, Origin::Issued { .. }).then_some(now);
        let first = First { issued, digest: found.digest };
        let task = Task::new(origin, plan, present.clone(), events.clone(), first);
        let task = tokio::spawn(task.run(inbox)).abort_handle();
        Ok(CertManager(Arc::new(Handle { present, commands, events, task })))
    }
}

impl fmt::Debug for CertManagerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertManagerBuilder")
            .field("rotation", &self.plan.rotation)
            .field("interval", &self.plan.interval)
            .field("poll", &self.plan.poll)
            .field("overlap", &self.plan.overlap)
            .finish_non_exhaustive()
    }
}
