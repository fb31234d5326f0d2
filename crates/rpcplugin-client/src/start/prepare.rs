#[cfg(unix)]
use std::path::Path;

use rpcplugin_core::Error;
#[cfg(unix)]
use rpcplugin_transport::{PrivateDir, UnixBind};
use tokio::process::Command;

#[cfg(unix)]
use crate::settings::Settings;
use crate::{
    address_policy::AddressPolicy,
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

impl Prepared {
    /// Makes the private directory, this start's key and certificate, and the environment.
    ///
    /// # Errors
    ///
    /// `CONFIG_SOCKET_DIR`, `CONFIG_SOCKET_GROUP`, `CONFIG_ENV`, `SECURITY_KEYGEN`,
    /// `TRANSPORT_RESOURCES`, `SECURITY_ISOLATION_FAILED`.
    pub(super) fn new(plan: &Plan, command: Command) -> Result<Self, Error> {
        let settings = &plan.settings;
        let directory = directory(plan)?;
        #[cfg(unix)]
        let sockets = directory.as_ref().map(PrivateDir::path);
        #[cfg(not(unix))]
        let sockets = None;
        let addresses = AddressPolicy::new(sockets, &settings.address_exceptions);
        let secret = Secret::make(settings)?;
        let environment = plan.environment(command.as_std(), sockets, secret.certificate())?;
        let (stdin, detach) = (settings.stdin, settings.detach);
        let bounds = Bounds::new(settings.confinement.clone(), sockets)?;
        #[cfg(unix)]
        let user = bounds.user();
        #[cfg(unix)]
        let bases = plan.directory_bases();
        #[cfg(not(unix))]
        let bases = Vec::new();
        let integrity = settings.integrity.clone();
        let launch = Launch { command, environment, stdin, detach, bounds, integrity, bases };
        let kept = Kept {
            addresses,
            #[cfg(unix)]
            sockets: binding(sockets, settings),
            secret,
            #[cfg(unix)]
            user,
        };
        Ok(Self { launch, directory, kept })
    }
}

/// How the host's own sockets are bound in its private directory.
#[cfg(unix)]
fn binding(sockets: Option<&Path>, settings: &Settings) -> UnixBind {
    let group = settings.unix_socket_group.iter();
    let bind = group.fold(UnixBind::new(), UnixBind::group);
    sockets.into_iter().fold(bind, UnixBind::dir)
}

#[cfg(unix)]
fn directory(plan: &Plan) -> Result<Option<Directory>, Error> {
    let group = plan.settings.unix_socket_group.as_deref();
    Ok(Some(PrivateDir::create(plan.directory_bases(), group)?))
}

#[cfg(not(unix))]
fn directory(_: &Plan) -> Result<Option<Directory>, Error> {
    Ok(None)
}
