//! How a plugin comes to run, when it is not just a process of this machine.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use futures_util::future::BoxFuture;
use rpcplugin_core::{CrashReport, Error, ExitStatus, env};
use tokio::{
    io::AsyncRead,
    process::{ChildStdin, Command},
};

use crate::process::Launch;

mod map;
mod process;
mod ran;

pub(crate) use self::ran::Ran;
pub use self::{
    map::{AddressMap, MappedDir},
    process::{HostProcess, ProcessRunner},
};

/// How a plugin comes to run, for [`Builder::runner`](crate::Builder::runner): in a container, in
/// another namespace, under a supervisor of its own.
///
/// [`ProcessRunner`] starts ordinary processes, and is what a runner that only changes the command
/// (`runc run …`) hands over to. `docs/guide/runners.md` has one for containers.
pub trait Runner: fmt::Debug + Send + Sync + 'static {
    /// Starts the plugin, and returns when it runs or is about to.
    ///
    /// Dropping the future must end what has been started by then; the start's deadline does so.
    /// An error is the error of [`Builder::spawn`](crate::Builder::spawn).
    fn start(
        &self,
        launch: RunnerLaunch,
    ) -> BoxFuture<'static, Result<Box<dyn RunnerProcess>, Error>>;
}

/// A plugin that a [`Runner`] started.
///
/// **Dropping it must end the plugin**, without a runtime if need be.
pub trait RunnerProcess: Send + 'static {
    /// What the runner calls it: a process id, a container's name. For logs and reports.
    fn id(&self) -> String;

    /// The name under which the plugin's log appears.
    fn name(&self) -> String;

    /// The id that the process, or an ancestor of it, has on this machine. Then the listener at
    /// the announced address must belong to it or a descendant.
    ///
    /// `None` if it has none here. Then only the user is checked, or nobody with
    /// [`AddressException::AnyOwner`](crate::AddressException::AnyOwner), and
    /// [`Client::pid`](crate::Client::pid) is 0.
    fn pid(&self) -> Option<u32>;

    /// Its standard output, once. It is read to the end; the first line is the handshake.
    fn take_stdout(&mut self) -> Option<Box<dyn AsyncRead + Send + Unpin>>;

    /// Its standard error, once. It is read to the end.
    fn take_stderr(&mut self) -> Option<Box<dyn AsyncRead + Send + Unpin>>;

    /// The write end of its standard input, once, if the builder wants it for the application.
    fn take_stdin(&mut self) -> Option<ChildStdin> {
        None
    }

    /// Waits for the plugin's end. May be dropped and called again; then it returns the same.
    fn wait(&mut self) -> BoxFuture<'_, ExitStatus>;

    /// Asks the plugin to end, as SIGTERM does. Must not wait. May do nothing.
    fn terminate(&mut self) {}

    /// Ends the plugin, as SIGKILL does, and whatever it started. Must not wait. May come again,
    /// and when the plugin has ended.
    fn kill(&mut self);

    /// What there is to say about a plugin that did not start or ended badly, in one line. It is
    /// added to the crash report of a start that failed. It may take a second.
    fn diagnose(&mut self) -> BoxFuture<'_, Option<String>> {
        Box::pin(std::future::ready(None))
    }

    /// Notes what the plugin uses now, for its report: before it is asked to stop. Must not wait.
    fn look(&mut self) {}

    /// Adds to a report what is known of the plugin's use, and of the limit that ended it. Comes
    /// before [`finish`](RunnerProcess::finish). Must not wait.
    fn conclude(&self, report: &mut CrashReport) {
        let _ = report;
    }

    /// Gives back what is left of the plugin after its end. It is dropped after a second.
    fn finish(self: Box<Self>) -> BoxFuture<'static, ()>;

    /// How addresses translate between the plugin's world and this one; `None` if they are the
    /// same. Asked for once, when the plugin has introduced itself.
    fn addresses(&self) -> Option<Arc<dyn AddressMap>> {
        None
    }
}

/// What a [`Runner`] is to start.
///
/// As long as it lives, and as long as the [`RunnerProcess`] that is made of it, the private
/// directory stays.
pub struct RunnerLaunch {
    pub(crate) launch: Launch,
    pub(crate) sockets: Option<PathBuf>,
    pub(crate) keep: Keep,
    /// Set when it has become a process of this machine, with all that holds for one.
    pub(crate) as_process: Arc<AtomicBool>,
}

/// The private directory, which goes when nobody needs it.
pub(crate) type Keep = Option<Arc<dyn std::any::Any + Send + Sync>>;

impl RunnerLaunch {
    /// Program, arguments and directory, as [`Builder::spawn`](crate::Builder::spawn) got them.
    /// The environment is [apart](RunnerLaunch::environment).
    #[must_use]
    pub const fn command(&self) -> &Command {
        &self.launch.command
    }

    /// Puts another command in the place of the caller's, which is returned.
    pub fn replace_command(&mut self, command: Command) -> Command {
        std::mem::replace(&mut self.launch.command, command)
    }

    /// The whole environment of the plugin, launch variables included. It holds the cookie.
    #[must_use]
    pub fn environment(&self) -> &[(OsString, OsString)] {
        &self.launch.environment
    }

    /// Sets a variable of the plugin.
    pub fn set_environment(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        let (name, value) = (name.into(), value.into());
        self.launch.environment.retain(|(known, _)| *known != name);
        self.launch.environment.push((name, value));
    }

    /// Takes the environment away, for a runner that passes it on in another way. What it then
    /// [sets](RunnerLaunch::set_environment) is for the command.
    pub fn take_environment(&mut self) -> Vec<(OsString, OsString)> {
        std::mem::take(&mut self.launch.environment)
    }

    /// The private directory on this machine, in which the plugin's sockets must appear; `None`
    /// where there are no Unix sockets.
    #[must_use]
    pub fn socket_dir(&self) -> Option<&Path> {
        self.sockets.as_deref()
    }

    /// Tells the plugin that its private directory is at `directory`: where it lies in the
    /// plugin's world. Variables that name the one of this machine are changed.
    pub fn map_socket_dir(&mut self, directory: impl AsRef<OsStr>) {
        let Some(own) = &self.sockets else { return };
        for (name, value) in &mut self.launch.environment {
            if (name == env::UNIX_SOCKET_DIR || name == "TMPDIR") && value == own.as_os_str() {
                directory.as_ref().clone_into(value);
            }
        }
    }
}

impl fmt::Debug for RunnerLaunch {
    /// Leaves out the environment, whose values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnerLaunch")
            .field("program", &self.command().as_std().get_program())
            .field("socket_dir", &self.sockets)
            .finish_non_exhaustive()
    }
}
