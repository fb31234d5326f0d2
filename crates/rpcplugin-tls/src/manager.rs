use std::{fmt, sync::Arc};

use rpcplugin_core::SecurityError;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::AbortHandle,
};

use crate::{CertAuthority, CertInfo, Identity, Roots};

mod builder;
mod directory;
mod event;
mod judge;
mod lists;
mod origin;
mod present;
mod renewal;
mod schedule;
mod task;

pub(crate) use self::present::{Present, Version};
pub use self::{
    builder::CertManagerBuilder,
    directory::{CertDirectory, CertRole},
    event::CertEvent,
};

/// Keeps one side's certificate fresh, and its trust, while connections come and go.
///
/// [`CustomTls::managed`](crate::CustomTls::managed) gives them to hosts and plugins: every new
/// connection presents the newest certificate at once, those that are there live on, and for the
/// time of an overlap the roots from before a change are trusted beside the new ones. What cannot
/// be renewed stays as it was, and says so: as an event, and in the log.
///
/// Clones are handles on the same manager. With the last one its task ends; connections go on
/// with what it held.
///
/// # Example
///
/// ```
/// use rpcplugin_tls::{
///     AuthorityParams, CertAuthority, CertEvent, CertManager, CustomTls, IdentityParams,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rpcplugin_core::SecurityError> {
/// let authority = CertAuthority::create(&AuthorityParams::new("kv root"))?;
/// let manager = CertManager::issuing(authority, IdentityParams::issued("kv-host"))
///     .rotation_days(30)
///     .start()
///     .await?;
/// let tls = CustomTls::managed(&manager);
///
/// let mut events = manager.subscribe();
/// let before = tls.identity();
/// manager.renew().await?;
/// assert_ne!(tls.identity().certificate(), before.certificate());
/// assert!(matches!(events.recv().await, Ok(CertEvent::Renewed { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CertManager(Arc<Handle>);

struct Handle {
    present: Arc<Present>,
    commands: mpsc::Sender<Command>,
    events: broadcast::Sender<CertEvent>,
    task: AbortHandle,
}

/// What a manager is asked to do, and whom it answers.
enum Command {
    Renew(oneshot::Sender<Result<(), SecurityError>>),
    Authority(CertAuthority, oneshot::Sender<Result<(), SecurityError>>),
    Roots(Roots, oneshot::Sender<Result<(), SecurityError>>),
}

impl CertManager {
    /// Gets its certificates from an authority that this process has, and trusts what that
    /// authority issues.
    pub fn issuing(authority: CertAuthority, params: crate::IdentityParams) -> CertManagerBuilder {
        CertManagerBuilder::issuing(authority, params)
    }

    /// Reads certificates, key and roots from files that somebody else renews.
    pub fn files(
        certificates: impl Into<crate::PemSource>,
        key: impl Into<crate::PemSource>,
        roots: impl Into<crate::PemSource>,
    ) -> CertManagerBuilder {
        CertManagerBuilder::files(certificates.into(), key.into(), roots.into())
    }

    /// Renews now: has a new certificate issued, or reads the files again.
    ///
    /// # Errors
    ///
    /// `SECURITY_ROTATION_FAILED`; the certificate from before stays in use.
    pub async fn renew(&self) -> Result<(), SecurityError> {
        self.ask(Command::Renew).await
    }

    /// Gets certificates from another authority from now on, the first one at once. Its roots
    /// take the place of those before, which are trusted until the overlap ends.
    ///
    /// # Errors
    ///
    /// `SECURITY_ROTATION_FAILED` if it issues nothing, or if the certificates come from files;
    /// everything stays as it was.
    pub async fn replace_authority(&self, authority: CertAuthority) -> Result<(), SecurityError> {
        self.ask(|answer| Command::Authority(authority, answer)).await
    }

    /// Trusts other roots from now on, and those before until the overlap ends.
    ///
    /// # Errors
    ///
    /// `SECURITY_ROTATION_FAILED` if the roots come from files; everything stays as it was.
    pub async fn replace_roots(&self, roots: Roots) -> Result<(), SecurityError> {
        self.ask(|answer| Command::Roots(roots, answer)).await
    }

    /// What new connections present now.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.0.present.identity()
    }

    /// What stands in its certificate.
    #[must_use]
    pub fn info(&self) -> CertInfo {
        CertInfo::of(self.identity().certificate())
    }

    /// What happens from now on. Who does not keep up loses the oldest of 64 events.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<CertEvent> {
        self.0.events.subscribe()
    }

    pub(crate) fn present(&self) -> &Arc<Present> {
        &self.0.present
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), SecurityError>>) -> Command,
    ) -> Result<(), SecurityError> {
        let (answer, answered) = oneshot::channel();
        let gone = || SecurityError::RotationFailed {
            reason: "the runtime of the manager has ended".to_owned(),
            days_left: 0,
        };
        self.0.commands.send(command(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for CertManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertManager").field("present", &self.0.present).finish_non_exhaustive()
    }
}
