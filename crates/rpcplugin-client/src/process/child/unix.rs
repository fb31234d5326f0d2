use std::{io, process::Child, time::Duration};

use rpcplugin_core::ExitStatus;
use rustix::{
    io::Errno,
    process::{Pid, WaitId, WaitIdOptions, WaitIdStatus, kill_process, kill_process_group, waitid},
};

use crate::process::Signal;

/// A child of this process that nobody else waits for.
///
/// Its exit is looked at without reaping it, so its pid, and the number of its group, are its own
/// until [`OwnedChild::try_reap`] succeeds; after that nothing is signalled.
pub(in crate::process) struct OwnedChild {
    child: Child,
    pid: Pid,
    ended: Option<ExitStatus>,
    reaped: bool,
    #[cfg(target_os = "linux")]
    hunter: super::descendants::Hunter,
}

impl OwnedChild {
    pub(in crate::process) fn new(child: Child) -> Self {
        let pid = Pid::from_child(&child);
        Self {
            child,
            pid,
            ended: None,
            reaped: false,
            #[cfg(target_os = "linux")]
            hunter: super::descendants::Hunter::default(),
        }
    }

    pub(in crate::process) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has; it is not reaped by this.
    pub(in crate::process) fn try_exit(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
            match retry(|| waitid(WaitId::Pid(self.pid), look)) {
                Ok(found) => self.ended = found.map(|status| exit_status(&status)),
                // Somebody else in this process reaped it, or SIGCHLD is ignored.
                Err(_) => {
                    self.ended = Some(ExitStatus::Unknown);
                    self.reaped = true;
                }
            }
        }
        self.ended
    }

    pub(in crate::process) fn signal_group(&mut self, signal: Signal) {
        // Also finds out whether somebody else reaped it.
        let ended = self.try_exit().is_some();
        if self.reaped {
            return;
        }
        // Errors below mean that nobody is left, or that they changed user and are out of reach.
        match signal {
            Signal::Terminate => {
                let group = kill_process_group(self.pid, rustix::process::Signal::TERM);
                // The leader may have moved to another group. It must not get the signal twice:
                // a second one means "at once".
                if group.is_err() && !ended {
                    let _ = kill_process(self.pid, rustix::process::Signal::TERM);
                }
            }
            // The descendants of one that has ended are nobody's.
            Signal::Kill if ended => {
                let _ = kill_process_group(self.pid, rustix::process::Signal::KILL);
            }
            Signal::Kill => self.kill(),
        }
    }

    #[cfg(target_os = "linux")]
    fn kill(&mut self) {
        let pid = self.pid;
        self.hunter.hunt(self.id(), move |mut family| {
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
            // If somebody else has reaped it meanwhile, its number may be another's.
            if retry(|| waitid(WaitId::Pid(pid), look)).is_err() {
                return;
            }
            family.retain_outside(pid.as_raw_nonzero().get().cast_unsigned());
            kill_with_group(pid);
            // They were found before: orphans are no longer known as its descendants.
            family.kill();
        });
    }

    #[cfg(not(target_os = "linux"))]
    fn kill(&mut self) {
        kill_with_group(self.pid);
    }

    /// Reaps it if it has ended, after killing what is left in its group.
    pub(in crate::process) fn try_reap(&mut self) -> Option<ExitStatus> {
        let status = self.try_exit()?;
        #[cfg(target_os = "linux")]
        if self.hunter.is_busy() {
            return None;
        }
        if !self.reaped {
            let _ = kill_process_group(self.pid, rustix::process::Signal::KILL);
            let _ = self.child.try_wait();
            self.reaped = true;
        }
        Some(status)
    }
}

/// Wakes whoever waits for a child's end.
pub(in crate::process) enum ExitWatch {
    #[cfg(target_os = "linux")]
    Pidfd(tokio::io::unix::AsyncFd<rustix::fd::OwnedFd>),
    /// For systems without pidfds. It costs a wake-up every so often, and works everywhere.
    Poll,
}

impl ExitWatch {
    /// Errors are want of descriptors or memory.
    pub(in crate::process) fn new(child: &OwnedChild) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{PidfdFlags, pidfd_open};
            use tokio::io::{Interest, unix::AsyncFd};
            match pidfd_open(child.pid, PidfdFlags::NONBLOCK) {
                Ok(pidfd) =>
                {
                    #[allow(
                        deprecated,
                        reason = "its replacement is unsafe and newer than the oldest tokio we \
                                  take; an OwnedFd keeps the promise it asks for"
                    )]
                    AsyncFd::with_interest(pidfd, Interest::READABLE).map(Self::Pidfd)
                }
                Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => Err(error.into()),
                // Older than Linux 5.3, or forbidden by a filter of system calls.
                Err(_) => Ok(Self::Poll),
            }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = child;
            Ok(Self::Poll)
        }
    }

    /// Returns when it is worth while to look again.
    pub(in crate::process) async fn changed(&mut self) {
        const PAUSE: Duration = Duration::from_millis(10);
        #[cfg(target_os = "linux")]
        if let Self::Pidfd(pidfd) = self {
            match pidfd.readable().await {
                // It becomes readable once, at the end; but a look may still come too early.
                Ok(mut ready) => return ready.clear_ready(),
                // The runtime in which the process was started is gone; this is another.
                Err(_) => *self = Self::Poll,
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn kill_with_group(pid: Pid) {
    let _ = kill_process_group(pid, rustix::process::Signal::KILL);
    let _ = kill_process(pid, rustix::process::Signal::KILL);
}

fn exit_status(status: &WaitIdStatus) -> ExitStatus {
    if let Some(number) = status.terminating_signal() {
        return ExitStatus::Signal { number, core_dumped: status.dumped() };
    }
    status.exit_status().map_or(ExitStatus::Unknown, ExitStatus::Code)
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
