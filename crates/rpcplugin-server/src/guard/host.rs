use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Mutex, OnceLock, PoisonError},
};

use rustix::{
    fs::{Mode, OFlags, open},
    io::fcntl_dupfd_cloexec,
    process::{Pid, getppid},
    stdio::{dup2_stdin, stdin},
};

/// Takes the lifeline away from everybody else: a private duplicate, and the null device in the
/// place of descriptor 0. So code that reads, closes or replaces stdin is no end of the host, and
/// no child holds it.
///
/// Taken once for the process; later calls get the same.
///
/// # Errors
///
/// The system's reason for refusing a descriptor.
pub(super) fn lifeline() -> io::Result<BorrowedFd<'static>> {
    static TAKEN: OnceLock<OwnedFd> = OnceLock::new();
    static TAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(taken) = TAKEN.get() {
        return Ok(taken.as_fd());
    }
    // Above the standard three, which a child would take for its own.
    let lifeline = fcntl_dupfd_cloexec(stdin(), 3)?;
    dup2_stdin(open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)?;
    Ok(TAKEN.get_or_init(|| lifeline).as_fd())
}

/// The process that started this one.
#[derive(Debug)]
pub(super) struct Parent(Pid);

impl Parent {
    /// The present parent; `None` where its end cannot be seen: in a container the parent is 0
    /// or 1 from the first moment.
    pub(super) fn now() -> Option<Self> {
        getppid().filter(|parent| !parent.is_init()).map(Self)
    }

    /// Whether this process has been handed to another parent.
    pub(super) fn is_gone(&self) -> bool {
        getppid() != Some(self.0)
    }
}

/// With a lifeline the plugin notices its host's end by itself, so a host's parent-death signal
/// need not be SIGKILL: SIGTERM lets the plugin clean up.
pub(crate) fn lower_death_signal() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{
            Signal, parent_process_death_signal, set_parent_process_death_signal,
        };
        // The signal belongs to the calling thread. On another one than the host's it reads
        // as none, and the host's stays as it was.
        if parent_process_death_signal() == Ok(Some(Signal::KILL)) {
            let _ = set_parent_process_death_signal(Some(Signal::TERM));
        }
    }
}
