//! One thread for the whole process, which forks.
//!
//! The parent-death signal is sent when the *thread* that forked ends, not the process. Threads
//! of a runtime end: tokio retires an idle blocking thread after 10 s, and would kill every
//! plugin that was started from it. This thread ends with the process.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rpcplugin_core::{Error, HandshakeError, limits};
use tokio::sync::oneshot;

use super::{
    Launch, Stdin, Verified,
    account::Account,
    child::OwnedChild,
    confine::{Applied, Unapplied},
    custody::{Custody, Keep, in_live_runtime},
    reaper,
    refusal::Attempt,
};

/// A process that runs its program, with our ends of its pipes.
pub(super) struct Spawned {
    pub(super) custody: Custody,
    pub(super) account: Account,
    pub(super) program: PathBuf,
    pub(super) started: Instant,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
    /// Whether `stdin` is for the application, and not the lifeline.
    pub(super) piped: bool,
}

struct Job {
    launch: Launch,
    verified: Option<Verified>,
    keep: Option<Keep>,
    /// If nobody waits any longer, what was spawned is dropped, and with that killed.
    reply: oneshot::Sender<Result<Spawned, Error>>,
    /// Dropped when that is over.
    _done: Sender<()>,
}

/// A process that is being started for somebody who still waits for it.
///
/// Whoever stops waiting gives the thread time to kill and clear up what it has started, up to
/// twice [`limits::REAP`], if the runtime ends or this is no thread of one: a `main` that returns
/// next would end the thread before that.
struct Expected(Option<Receiver<()>>);

impl Expected {
    /// It has come.
    fn came(mut self) {
        self.0 = None;
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if let Some(done) = self.0.take()
            && !in_live_runtime()
        {
            // Nothing is ever sent: the end of the sender is the news.
            let _ = done.recv_timeout(limits::REAP * 2);
        }
    }
}

static INBOX: Mutex<Option<Sender<Job>>> = Mutex::new(None);

/// Has the thread start a process.
pub(super) async fn spawn(
    launch: Launch,
    verified: Option<Verified>,
    keep: Option<Keep>,
) -> Result<Spawned, Error> {
    let (reply, answer) = oneshot::channel();
    let inbox = start().map_err(|source| HandshakeError::SpawnResources { source })?;
    let program = PathBuf::from(launch.command.as_std().get_program());
    let (done, over) = channel();
    let accepted = inbox.send(Job { launch, verified, keep, reply, _done: done }).is_ok();
    let expected = Expected(accepted.then_some(over));
    let answer = if accepted { answer.await.ok() } else { None };
    expected.came();
    answer.unwrap_or_else(|| {
        let source = io::Error::other("the start of the process panicked");
        Err(HandshakeError::SpawnFailed { path: program, source }.into())
    })
}

fn start() -> io::Result<Sender<Job>> {
    reaper::start()?;
    let mut inbox = INBOX.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sender) = &*inbox {
        return Ok(sender.clone());
    }
    let (sender, receiver) = channel();
    thread::Builder::new().name("rpcplugin-spawner".to_owned()).spawn(move || run(&receiver))?;
    *inbox = Some(sender.clone());
    Ok(sender)
}

fn run(inbox: &Receiver<Job>) {
    for Job { launch, verified, keep, reply, _done } in inbox {
        // The end of this thread would kill every plugin, so nothing may unwind through it. A
        // panic drops the sender, and the caller learns of it so.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            if !reply.is_closed() {
                let _ = reply.send(fork(launch, verified, keep));
            }
        }));
    }
}

fn fork(
    mut launch: Launch,
    verified: Option<Verified>,
    keep: Option<Keep>,
) -> Result<Spawned, Error> {
    let command = launch.command.as_std_mut();
    command.env_clear().envs(launch.environment);
    command.stdin(match launch.stdin {
        Stdin::Lifeline if launch.detach => Stdio::null(),
        Stdin::Lifeline | Stdin::Piped => Stdio::piped(),
        Stdin::Null => Stdio::null(),
        Stdin::Inherit | Stdin::Terminal => Stdio::inherit(),
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    let lent = match launch.stdin {
        Stdin::Terminal => crate::sys::LentTerminal::begin(),
        _ => None,
    };
    #[cfg(unix)]
    crate::sys::prepare(command, launch.detach, lent.is_some());

    let attempt = Attempt::new(command);
    attempt.check()?;
    let (bounds, detach) = (&launch.bounds, launch.detach);
    let applied = match Applied::to(command, bounds, attempt.found(), detach, verified) {
        Ok(applied) => applied,
        Err(Unapplied::Refused(error)) => return Err(error.into()),
        Err(Unapplied::Unfit(error)) => return Err(attempt.explain(error).into()),
    };
    let started = Instant::now();
    let mut child = spawn_when_free(command).map_err(|error| match applied.failure(&error) {
        Some(failure) => Error::from(failure),
        None => attempt.explain(error).into(),
    })?;
    let account = applied.account(child.id(), bounds.settings.limits);
    // What the process needs goes before its directory.
    let keep = match applied.kept() {
        Some(kept) => Some(Box::new((kept, keep)) as Keep),
        None => keep,
    };
    #[cfg(unix)]
    let keep = match lent {
        Some(mut lent) => {
            lent.is_with(rustix::process::Pid::from_child(&child));
            Some(Box::new((keep, lent)) as Keep)
        }
        None => keep,
    };
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    Ok(Spawned {
        custody: Custody::new(OwnedChild::new(child), keep),
        account,
        program: attempt.into_program(),
        started,
        stdin,
        stdout,
        stderr,
        piped: launch.stdin == Stdin::Piped,
    })
}

/// Starts the process, and tries again for a moment while the program's file is open for writing.
///
/// If this process has just written the file, and some thread forked meanwhile, then that child
/// holds a copy of the descriptor until its own exec, although it is closed here.
fn spawn_when_free(command: &mut Command) -> io::Result<Child> {
    const PAUSES_MS: [u64; 6] = [1, 2, 4, 8, 16, 32];
    for pause in PAUSES_MS {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(pause));
            }
            result => return result,
        }
    }
    command.spawn()
}
