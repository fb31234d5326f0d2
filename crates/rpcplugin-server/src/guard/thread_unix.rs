use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_setfl},
    io::{Errno, read, write},
    pipe::{PipeFlags, pipe_with},
};
use tokio::sync::oneshot;

use super::{
    HostGone, HostWatch, group,
    host::{Parent, lifeline},
};
use crate::stdio::Output;

/// Hands the reading end of the captured descriptor 1 to the guard.
///
/// # Errors
///
/// The system's reason for refusing a thread or a descriptor.
pub(crate) fn capture(reader: OwnedFd, output: Arc<Output>) -> io::Result<()> {
    send(Command::Capture(reader, output))
}

/// Lets the guard watch the host.
///
/// # Errors
///
/// As [`capture`].
pub(crate) fn watch(watch: HostWatch, gone: HostGone) -> io::Result<()> {
    match watch {
        HostWatch::Off => Ok(()),
        HostWatch::Lifeline => {
            let lifeline = lifeline()?;
            if gone.hard {
                group::share_fate();
            }
            send(Command::Watch(Host::Lifeline(lifeline), gone))
        }
        HostWatch::Parent => match Parent::now() {
            Some(parent) => send(Command::Watch(Host::Parent(parent), gone)),
            None => Ok(()),
        },
    }
}

/// Waits until everything written to descriptor 1 so far is in the ring.
pub(crate) async fn emptied() {
    if GUARD.get().is_none() {
        // Nothing was ever captured.
        return;
    }
    let (done, emptied) = oneshot::channel();
    if send(Command::Empty(done)).is_ok() {
        let _ = emptied.await;
    }
}

enum Command {
    Capture(OwnedFd, Arc<Output>),
    Watch(Host, HostGone),
    Empty(oneshot::Sender<()>),
}

enum Host {
    Lifeline(BorrowedFd<'static>),
    Parent(Parent),
}

/// The guard as others see it: a queue, and a pipe that wakes it.
struct Guard {
    commands: Mutex<Vec<Command>>,
    wake: OwnedFd,
}

/// There is one for the process, started by the first command; it never ends.
static GUARD: OnceLock<Guard> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

fn send(command: Command) -> io::Result<()> {
    let guard = started()?;
    guard.commands().push(command);
    // A full pipe wakes the guard as well.
    let _ = write(&guard.wake, &[0]);
    Ok(())
}

fn started() -> io::Result<&'static Guard> {
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(guard) = GUARD.get() {
        return Ok(guard);
    }
    let (woken, wake) = pipe_with(PipeFlags::CLOEXEC)?;
    fcntl_setfl(&woken, OFlags::NONBLOCK)?;
    fcntl_setfl(&wake, OFlags::NONBLOCK)?;
    std::thread::Builder::new()
        .name("rpcplugin-guard".to_owned())
        .spawn(move || Watcher { woken, capture: None, host: None, kill_at: None }.run())?;
    Ok(GUARD.get_or_init(|| Guard { commands: Mutex::default(), wake }))
}

impl Guard {
    fn commands(&self) -> MutexGuard<'_, Vec<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard's own state, on its thread.
struct Watcher {
    woken: OwnedFd,
    capture: Option<(OwnedFd, Arc<Output>)>,
    host: Option<(Host, HostGone)>,
    kill_at: Option<(Instant, HostGone)>,
}

impl Watcher {
    /// Bounds one look at the pipe, should somebody write without end.
    const AT_ONCE: usize = 4 * 1024 * 1024;

    fn run(mut self) {
        loop {
            let (woken, captured, lifeline) = self.wait();
            if captured {
                self.drain();
            }
            if woken {
                self.obey();
            }
            if lifeline.is_some_and(at_end) || self.parent_changed() {
                self.host_gone();
            }
            if let Some((_, gone)) = self.kill_at.take_if(|(at, _)| *at <= Instant::now()) {
                gone.files.remove();
                gone.files.remove_given();
                group::kill_process();
            }
        }
    }

    /// Whether there are commands, whether there is output, and the lifeline if it has something
    /// to tell.
    fn wait(&self) -> (bool, bool, Option<BorrowedFd<'static>>) {
        let none = PollFd::from_borrowed_fd(self.woken.as_fd(), PollFlags::empty());
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let lifeline = match self.host {
            Some((Host::Lifeline(lifeline), _)) => Some(lifeline),
            _ => None,
        };
        let mut fds = [
            readable(self.woken.as_fd()),
            self.capture.as_ref().map_or(none.clone(), |(fd, _)| readable(fd.as_fd())),
            lifeline.map_or(none, readable),
        ];
        let timeout = self.timeout().and_then(|timeout| Timespec::try_from(timeout).ok());
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return (false, false, None);
        }
        let told = |index: usize, asked: bool| asked && !fds[index].revents().is_empty();
        (told(0, true), told(1, self.capture.is_some()), lifeline.filter(|_| told(2, true)))
    }

    fn timeout(&self) -> Option<Duration> {
        let kill =
            self.kill_at.as_ref().map(|(at, _)| at.saturating_duration_since(Instant::now()));
        let parent = matches!(self.host, Some((Host::Parent(_), _)));
        let look = parent.then_some(HostGone::PARENT_INTERVAL);
        kill.into_iter().chain(look).min()
    }

    /// Moves what is in the pipe into the ring.
    fn drain(&mut self) {
        let Some((reader, output)) = &self.capture else { return };
        let mut buffer = [0; 16 * 1024];
        let mut moved = 0;
        while moved < Self::AT_ONCE {
            match read(reader, &mut buffer) {
                Ok(0) => {
                    // Every writer is gone: descriptor 1 was given back.
                    self.capture = None;
                    return;
                }
                Ok(len) => {
                    output.captured(buffer.get(..len).unwrap_or_default());
                    moved += len;
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn obey(&mut self) {
        let mut scratch = [0; 64];
        while read(&self.woken, &mut scratch).is_ok_and(|len| len > 0) {}
        // The guard was published before anybody could send a command.
        let Some(guard) = GUARD.get() else { return };
        let commands = std::mem::take(&mut *guard.commands());
        for command in commands {
            match command {
                Command::Capture(reader, output) => self.capture = Some((reader, output)),
                Command::Watch(host, gone) => self.host = Some((host, gone)),
                Command::Empty(done) => {
                    self.drain();
                    let _ = done.send(());
                }
            }
        }
    }

    fn parent_changed(&self) -> bool {
        matches!(&self.host, Some((Host::Parent(parent), _)) if parent.is_gone())
    }

    fn host_gone(&mut self) {
        let Some((_, gone)) = self.host.take() else { return };
        gone.stop();
        if gone.hard {
            group::terminate_others();
            self.kill_at = Some((Instant::now() + HostGone::LIMIT, gone));
        }
    }
}

/// Whether the lifeline has ended. The host writes nothing; what comes all the same is dropped.
fn at_end(lifeline: BorrowedFd<'_>) -> bool {
    let mut scratch = [0; 256];
    match read(lifeline, &mut scratch) {
        Ok(len) => len == 0,
        Err(Errno::INTR | Errno::AGAIN) => false,
        Err(_) => true,
    }
}
