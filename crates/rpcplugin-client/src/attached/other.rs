//! Systems without handles on processes that are nobody's children.

use std::time::{Duration, Instant};

use rpcplugin_core::Error;

/// Whether a process is held by more than its number: never.
pub(super) const HAS_HANDLE: bool = false;

/// A process by its number alone.
pub(super) struct Process {
    #[cfg(unix)]
    pid: rustix::process::Pid,
    ended: bool,
}

impl Process {
    /// `None` if there is no such process.
    #[cfg(unix)]
    pub(super) fn open(pid: u32) -> Result<Option<Self>, Error> {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let process = pid.map(|pid| Self { pid, ended: false });
        Ok(process.filter(|process| !process.is_absent()))
    }

    /// The system is not asked: the socket alone tells whether the plugin is there.
    #[cfg(not(unix))]
    pub(super) fn open(_: u32) -> Result<Option<Self>, Error> {
        Ok(Some(Self { ended: false }))
    }

    #[cfg(unix)]
    fn is_absent(&self) -> bool {
        rustix::process::test_kill_process(self.pid) == Err(rustix::io::Errno::SRCH)
    }

    /// Once it was seen to be gone, its number is somebody else's.
    pub(super) fn has_ended(&mut self) -> bool {
        #[cfg(unix)]
        if self.is_absent() {
            self.ended = true;
        }
        self.ended
    }

    /// Waits for its end. May be cancelled and repeated.
    pub(super) async fn ended(&mut self) {
        const PAUSE: Duration = Duration::from_millis(20);
        while !self.has_ended() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Nobody is signalled by a mere number.
    pub(super) fn terminate(&mut self) {}

    /// Nobody is killed by a mere number.
    pub(super) fn kill(&mut self) {}

    /// So there is never anything to wait for.
    pub(super) fn is_hunted(&self) -> bool {
        false
    }
}

/// What its program is called.
pub(super) fn name(_: u32) -> String {
    "plugin".to_owned()
}

/// When it was started: that is not told.
pub(super) fn started(_: u32) -> Instant {
    Instant::now()
}
