use std::path::Path;

use rpcplugin_core::{Error, HandshakeError, SecurityError};
#[cfg(unix)]
use rpcplugin_transport::{PrivateDir, UnixBind};
use tokio::process::Command;

use super::clock::Clock;
#[cfg(unix)]
use crate::settings::Settings;
use crate::{
    address_policy::AddressPolicy,
    isolation::Confinement,
    plan::Plan,
    process::{Bounds, Launch},
    protection::Secret,
};

/// What must outlive the process.
#[cfg(unix)]
pub(super) type Directory = PrivateDir;
/// What must outlive the process: nothing, where sockets have no names.
#[cfg(not(unix))]
pub(super) type Directory = std::convert::Infallible;

/// Everything that is made before the process is.
pub(super) struct Prepared {
    pub(super) launch: Launch,
    pub(super) directory: Option<Directory>,
    pub(super) kept: Kept,
}

/// What is needed again when the plugin has introduced itself.
pub(super) struct Kept {
    pub(super) addresses: AddressPolicy,
    /// The private directory.
    #[cfg(unix)]
    pub(super) sockets: UnixBind,
    pub(super) secret: Secret,
    /// Who the plugin runs as.
    #[cfg(unix)]
    pub(super) user: u32,
}

impl Kept {
    /// Who the plugin runs as, if that is somebody else than the host.
    pub(super) fn other_user(&self) -> Option<u32> {
        #[cfg(unix)]
        {
            other_user(self.user)
        }
        #[cfg(not(unix))]
        {
            None
        }
    }
}

impl Prepared {
    /// Makes the private directory, this start's key and certificate, and the environment.
    ///
    /// # Errors
    ///
    /// `CONFIG_SOCKET_DIR`, `CONFIG_SOCKET_GROUP`, `CONFIG_ENV`, `SECURITY_KEYGEN`,
    /// `TRANSPORT_RESOURCES`, `SECURITY_ISOLATION_FAILED`, `HANDSHAKE_TIMEOUT`.
    pub(super) async fn new(plan: &Plan, command: Command, clock: &Clock) -> Result<Self, Error> {
        let settings = &plan.settings;
        let directory = directory(plan)?;
        #[cfg(unix)]
        let sockets = directory.as_ref().map(PrivateDir::path);
        #[cfg(not(unix))]
        let sockets = None;
        let addresses = AddressPolicy::new(sockets, &settings.options.address_exceptions);
        let secret = Secret::make(settings)?;
        let environment = plan.environment(command.as_std(), sockets, secret.certificate())?;
        let (stdin, detach) = (settings.options.stdin, settings.options.detach);
        let bounds =
            clock.end().within(bounds(settings.options.confinement.clone(), sockets)).await;
        let bounds = bounds.map_err(|limit| HandshakeError::Timeout { limit })??;
        #[cfg(unix)]
        let user = bounds.user();
        #[cfg(unix)]
        let bases = plan.directory_bases();
        #[cfg(not(unix))]
        let bases = Vec::new();
        let integrity = settings.options.integrity.clone();
        let launch = Launch { command, environment, stdin, detach, bounds, integrity, bases };
        let kept = Kept {
            addresses,
            #[cfg(unix)]
            sockets: binding(sockets, settings, user),
            secret,
            #[cfg(unix)]
            user,
        };
        Ok(Self { launch, directory, kept })
    }
}

/// Finds out who the plugin is to be. The list of users can lie behind a network, so only a thread
/// that may block asks for one.
async fn bounds(confinement: Confinement, directory: Option<&Path>) -> Result<Bounds, Error> {
    if confinement.user.is_none() && confinement.group.is_none() {
        return Ok(Bounds::new(confinement, directory)?);
    }
    let directory = directory.map(Path::to_owned);
    let found =
        tokio::task::spawn_blocking(move || Bounds::new(confinement, directory.as_deref())).await;
    let found = found.unwrap_or_else(|error| {
        let detail = format!("user and group: {error}");
        Err(SecurityError::IsolationFailed { detail })
    });
    Ok(found?)
}

#[cfg(unix)]
fn other_user(user: u32) -> Option<u32> {
    (user != rustix::process::geteuid().as_raw()).then_some(user)
}

/// How the host's own sockets are bound in the private directory, for the plugin to dial.
#[cfg(unix)]
fn binding(sockets: Option<&Path>, settings: &Settings, user: u32) -> UnixBind {
    let group = settings.config.host_unix_socket_group().into_iter();
    let bind = group.fold(UnixBind::new(), UnixBind::group);
    let bind = other_user(user).into_iter().fold(bind, UnixBind::owner);
    sockets.into_iter().fold(bind, UnixBind::dir)
}

#[cfg(unix)]
fn directory(plan: &Plan) -> Result<Option<Directory>, Error> {
    let group = plan.settings.config.host_unix_socket_group();
    Ok(Some(PrivateDir::create(plan.directory_bases(), group)?))
}

#[cfg(not(unix))]
fn directory(_: &Plan) -> Result<Option<Directory>, Error> {
    Ok(None)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{pin::pin, sync::mpsc, task::Poll};

    use super::*;

    #[test]
    fn users_are_looked_up_on_threads_that_may_block() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
        let (release, held) = mpsc::channel::<()>();
        runtime.block_on(async {
            let busy = tokio::task::spawn_blocking(move || held.recv());
            assert!(bounds(Confinement::default(), None).await.is_ok(), "nobody is looked up");
            let user = Some(rustix::process::geteuid().as_raw().to_string());
            let group = Some(rustix::process::getegid().as_raw().to_string());
            let mut found = pin!(bounds(Confinement { user, group, ..Default::default() }, None));
            std::future::poll_fn(|context| {
                assert!(found.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            drop(release);
            assert!(busy.await.unwrap().is_err());
            assert_eq!(found.await.unwrap().identity, None);
        });
    }
}
