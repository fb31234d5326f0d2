use rustix::process::{Pid, getppid};

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
