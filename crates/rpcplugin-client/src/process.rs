//! A plugin's process: how it comes to be, how its end is noticed, and how it goes.
//!
//! **Invariant:** from the moment of the fork somebody owns the child, and whoever lets go of it,
//! at whatever await point and with or without a runtime, kills its group and has it reaped.
//! Until then its pid cannot belong to anybody else, so that no signal goes astray.
//!
//! The child is a `std` child on purpose. Tokio's reaps as soon as it learns of the exit, which
//! frees the number of the group before what is left in the group can be killed; and it leaves a
//! child that nobody waits for to whatever runtime is still there.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Instant,
};

use rpcplugin_core::{CrashReport, Error, ExitStatus, HandshakeError, limits};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

mod account;
mod child;
mod confine;
mod custody;
#[cfg(unix)]
mod image;
mod reaper;
mod refusal;
mod resolve;
mod spawner;
#[cfg(test)]
#[cfg(unix)]
mod tests;
#[cfg(unix)]
pub(crate) mod trust;
#[cfg(unix)]
mod verified;
#[cfg(unix)]
mod vetting;
#[cfg(not(unix))]
#[path = "process/vetting_unknown.rs"]
mod vetting;

#[cfg(unix)]
use self::verified::Verified;
#[cfg(not(unix))]
use self::vetting::Verified;

pub(crate) use self::account::Account;
#[cfg(target_os = "linux")]
pub(crate) use self::child::descendants::{Family, Hunter};
pub(crate) use self::confine::Bounds;
use self::{child::ExitWatch, custody::Custody};
use crate::integrity::Integrity;

/// What a plugin finds on its standard input.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Stdin {
    /// A pipe that the host keeps open for as long as it lives and never writes to, so that the
    /// plugin learns of the host's end. A detached plugin gets the null device instead.
    #[default]
    Lifeline,
    /// The null device.
    Null,
    /// The host's own standard input. The plugin is in a process group of its own, so the system
    /// stops it if it reads from a terminal.
    Inherit,
    /// The host's own standard input, and if that is a terminal, the terminal: the plugin's
    /// process group is in its foreground until the plugin has ended. Meanwhile Ctrl-C and the
    /// like reach the plugin and not the host, which the system stops if it reads from the
    /// terminal. On Windows the same as `Inherit`.
    Terminal,
    /// A pipe for the application to write to.
    Piped,
}

/// What to start. The command's own environment and standard streams are replaced.
pub(crate) struct Launch {
    /// Program, arguments and directory.
    pub(crate) command: Command,
    /// The whole environment, as [`crate::environment::compose`] made it.
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) stdin: Stdin,
    /// Whether the plugin outlives this process.
    pub(crate) detach: bool,
    /// What the process is held in.
    pub(crate) bounds: Bounds,
    /// What its program must be.
    pub(crate) integrity: Integrity,
    /// Where a private copy of the program may be made.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there no copy is made"))]
    pub(crate) bases: Vec<PathBuf>,
}

/// Which signal the whole group gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    /// SIGTERM; nothing on Windows.
    Terminate,
    /// SIGKILL, also to descendants that left the group, as far as they can be found.
    Kill,
}

/// Starts a plugin's process and returns when it runs the program.
///
/// Dropping the future kills and reaps what has been started by then. `keep` is what must outlive
/// the process, its socket directory, and is dropped on a thread of its own once the process has
/// been reaped, or at once if there was none.
///
/// # Errors
///
/// The `HANDSHAKE_SPAWN_…` codes, `SECURITY_ISOLATION_FAILED`, and those of the checks that were
/// asked for: `SECURITY_CHECKSUM_MISMATCH`, `SECURITY_FILE_PERMISSIONS`.
pub(crate) async fn launch<K: Send + 'static>(
    launch: Launch,
    keep: Option<K>,
) -> Result<Process, Error> {
    let keep = keep.map(|keep| Box::new(keep) as custody::Keep);
    let verified = vetting::vet(&launch).await?;
    let spawned = spawner::spawn(launch, verified, keep).await?;
    Ok(Process::new(spawned)?)
}

/// A plugin's process.
///
/// Dropping it kills the group and has the process reaped; that needs no runtime. The call waits
/// for both: for at most 50 ms in a runtime that goes on, else for at most [`limits::REAP`], so
/// that a `main` that returns next leaves nothing behind.
pub(crate) struct Process {
    custody: Custody,
    watch: ExitWatch,
    account: Account,
    program: PathBuf,
    started: Instant,
    stdin: Option<ChildStdin>,
    /// Held, never written to: its closing tells the plugin that we are gone.
    _lifeline: Option<std::process::ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    ended: CancellationToken,
}

impl Process {
    fn new(spawned: spawner::Spawned) -> Result<Self, HandshakeError> {
        let spawner::Spawned { custody, account, program, started, .. } = spawned;
        let spawner::Spawned { stdin, stdout, stderr, piped, .. } = spawned;
        let no_resources = |source| HandshakeError::SpawnResources { source };
        let (stdin, lifeline) = if piped { (stdin, None) } else { (None, stdin) };
        Ok(Self {
            watch: ExitWatch::new(custody.child()).map_err(no_resources)?,
            stdin: stdin.map(ChildStdin::from_std).transpose().map_err(no_resources)?,
            stdout: stdout.map(ChildStdout::from_std).transpose().map_err(no_resources)?,
            stderr: stderr.map(ChildStderr::from_std).transpose().map_err(no_resources)?,
            _lifeline: lifeline,
            custody,
            account,
            program,
            started,
            ended: CancellationToken::new(),
        })
    }

    /// The process's id, which is also that of its group.
    pub(crate) fn pid(&self) -> u32 {
        self.custody.child().id()
    }

    /// The program as it was found.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The name under which the plugin's log appears: the base name of the program.
    pub(crate) fn name(&self) -> String {
        let name = self.program.file_name().unwrap_or(OsStr::new("plugin"));
        rpcplugin_core::escape(name.as_encoded_bytes())
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// The read end of its standard output, once.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.stdout.take()
    }

    /// The read end of its standard error, once.
    pub(crate) fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.stderr.take()
    }

    /// The write end of its standard input, once, if that is [`Stdin::Piped`].
    pub(crate) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Cancelled when the process's end is noticed, or nobody owns it any longer: what its pipes
    /// hold then is all that will be read, whoever keeps them open.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Waits for the process to end, and kills it if it exceeds a limit that the system does not
    /// enforce. May be cancelled and repeated.
    ///
    /// The process is not reaped by this: its number stays its own until [`Process::finish`].
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.try_exit() {
                return status;
            }
            tokio::select! {
                biased;
                () = self.watch.changed() => {}
                () = self.account.due() => {
                    if self.account.watch().await {
                        self.signal_group(Signal::Kill);
                    }
                }
            }
        }
    }

    /// Notes what the process uses now, for its report.
    pub(crate) fn look(&mut self) {
        self.account.look();
    }

    /// Adds to a report what is known of the process's use of the system.
    pub(crate) fn conclude(&self, report: &mut CrashReport) {
        self.account.conclude(report);
    }

    /// How the process ended, if it has.
    pub(crate) fn try_exit(&mut self) -> Option<ExitStatus> {
        let status = self.custody.child_mut().try_exit()?;
        self.ended.cancel();
        Some(status)
    }

    /// Sends a signal to the process and its group, even when the process itself has ended.
    pub(crate) fn signal_group(&mut self, signal: Signal) {
        self.custody.child_mut().signal_group(signal);
    }

    /// Kills what is left of the group, reaps the process and drops what was kept for it.
    ///
    /// `None` if the process did not end within [`limits::REAP`]; it is reaped later, as when
    /// this future is dropped.
    pub(crate) async fn finish(mut self) -> Option<ExitStatus> {
        let done = self.custody.let_go()?;
        self.ended.cancel();
        tokio::time::timeout(limits::REAP, done).await.ok()?.ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.pid())
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
