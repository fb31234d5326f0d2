use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rpcplugin_core::SecurityError;
use tokio::sync::{broadcast, mpsc};

use super::{
    CertManager, CertRole, Handle, Present,
    lists::Lists,
    origin::{Files, Found, Origin},
    renewal::Renewal,
    task::{First, Task},
};
use crate::{
    CertAuthority, CertDirectory, Crls, DAY, IdentityParams, PemSource, Provider, Roots,
    files::invalid,
};

/// How a [`CertManager`] works.
#[must_use]
pub struct CertManagerBuilder {
    origin: Origin,
    plan: Plan,
    renewal: Option<Renewal>,
    crls: Option<PemSource>,
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
        let change = [&certificates, &key, &roots].iter().any(|one| one.path().is_some());
        let files = Files { certificates, key, roots, provider: Provider::default() };
        // Text does not change, and only grows old.
        Self::new(Origin::Files(files), Duration::from_secs(if change { 2 } else { 60 }))
    }

    fn new(origin: Origin, poll: Duration) -> Self {
        let plan = Plan {
            rotation: 30 * DAY,
            interval: None,
            poll,
            overlap: Duration::from_secs(60 * 60),
            clock: Arc::new(SystemTime::now),
        };
        Self { origin, plan, renewal: None, crls: None }
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

    /// Follows revocation lists in PEM, too, as files do: at each [`poll`](Self::poll). What cannot
    /// be read, and lists whose next update is overdue, raise an event and a warning. Without it
    /// there are none.
    pub fn crls(mut self, lists: impl Into<PemSource>) -> Self {
        self.crls = Some(lists.into());
        self
    }

    /// The cryptography for keys of files: ring's. An authority issues with its own.
    pub fn provider(mut self, provider: Provider) -> Self {
        if let Origin::Files(files) = &mut self.origin {
            files.provider = provider;
        }
        self
    }

    /// Renews the files themselves, where the directory holds the key of the authority: with
    /// [`rotation_days`](Self::rotation_days) left, and for so many days. What a failure leaves
    /// is used on, and renewed a minute later.
    pub fn renewed_in(
        mut self,
        directory: &CertDirectory,
        role: CertRole,
        validity_days: u32,
    ) -> Self {
        self.renewal = Some(Renewal::new(directory.clone(), role, validity_days));
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
    /// [`Roots::load`]; as [`Crls::load`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its time enabled.
    pub async fn start(self) -> Result<CertManager, SecurityError> {
        let reading = tokio::task::spawn_blocking(move || {
            let read = self.read();
            (self, read)
        });
        let stopped = |_| invalid("the thread that reads it was stopped");
        let (this, read) = reading.await.map_err(stopped)?;
        Ok(this.begin(read?))
    }

    /// The same for callers that cannot wait: **blocks** on the files.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_blocking(self) -> Result<CertManager, SecurityError> {
        let read = self.read()?;
        Ok(self.begin(read))
    }

    fn read(&self) -> Result<Read, SecurityError> {
        let now = (self.plan.clock)();
        let found = self.origin.get(now, None)?;
        let found = found.ok_or_else(|| invalid("it holds nothing"))?;
        let lists = self.crls.clone().map(|source| Lists::load(source, now)).transpose()?;
        Ok(Read { now, found, lists })
    }

    fn begin(self, read: Read) -> CertManager {
        let Self { origin, plan, renewal, .. } = self;
        let Read { now, found, lists } = read;
        let (lists, crls) = lists.unzip();
        let present = Arc::new(Present::new(found.identity, found.roots, crls));
        let (commands, inbox) = mpsc::channel(8);
        let (events, _) = broadcast::channel(64);
        let issued = matches!(origin, Origin::Issued { .. }).then_some(now);
        let first = First { issued, digest: found.digest, renewal, lists };
        let task = Task::new(origin, plan, present.clone(), events.clone(), first);
        let task = tokio::spawn(task.run(inbox)).abort_handle();
        CertManager(Arc::new(Handle { present, commands, events, task }))
    }
}

/// What the sources had at the start.
struct Read {
    now: SystemTime,
    found: Found,
    lists: Option<(Lists, Crls)>,
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
