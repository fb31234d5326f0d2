use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rpcplugin_core::{Error, TransportError};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::OwnedFd,
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::process::{Family, Hunter};

/// Whether a process is held by more than its number.
pub(super) const HAS_HANDLE: bool = true;

/// A handle on a process: a pidfd, which never comes to mean another one.
pub(super) struct Process {
    pid: u32,
    handle: Arc<AsyncFd<OwnedFd>>,
    hunter: Hunter,
}

impl Process {
    /// `None` if there is no such process.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_RESOURCES` without a descriptor, or on a system that has no such handles.
    pub(super) fn open(pid: u32) -> Result<Option<Self>, Error> {
        let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        let no_resources =
            |source: std::io::Error| TransportError::Resources { source: source.into() };
        let handle = match pidfd_open(raw, PidfdFlags::NONBLOCK) {
            Ok(handle) => handle,
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(no_resources(error.into()).into()),
        };
        #[allow(
            deprecated,
            reason = "its replacement is unsafe and newer than the oldest tokio we take; an \
                      OwnedFd keeps the promise it asks for"
        )]
        let handle = AsyncFd::with_interest(handle, Interest::READABLE).map_err(no_resources)?;
        Ok(Some(Self { pid, handle: Arc::new(handle), hunter: Hunter::default() }))
    }

    /// Whether it has ended, reaped or not.
    pub(super) fn has_ended(&mut self) -> bool {
        has_ended(self.handle.get_ref())
    }

    /// Waits for its end. May be cancelled and repeated.
    pub(super) async fn ended(&mut self) {
        const PAUSE: Duration = Duration::from_millis(20);
        while !self.has_ended() {
            match self.handle.readable().await {
                Ok(mut ready) => ready.clear_ready(),
                // The runtime in which it was opened is gone; this is another.
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    pub(super) fn terminate(&mut self) {
        // An error means that it has ended.
        let _ = pidfd_send_signal(self.handle.get_ref(), Signal::TERM);
    }

    /// Kills it and its descendants, as far as they are known.
    pub(super) fn kill(&mut self) {
        if self.has_ended() {
            return;
        }
        let handle = self.handle.clone();
        self.hunter.hunt(self.pid, move |family: Family| {
            // If it still lives, its number was its own while they were looked for.
            if has_ended(handle.get_ref()) {
                return;
            }
            let _ = pidfd_send_signal(handle.get_ref(), Signal::KILL);
            family.kill();
        });
    }

    /// Whether its family is still being killed.
    pub(super) fn is_hunted(&self) -> bool {
        self.hunter.is_busy()
    }
}

fn has_ended(handle: &OwnedFd) -> bool {
    let mut waited = [PollFd::new(handle, PollFlags::IN)];
    loop {
        match poll(&mut waited, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Err(Errno::INTR) => {}
            // It does not fail; and who is not known to live is not signalled.
            ready => return ready != Ok(0),
        }
    }
}

/// What its program is called.
pub(super) fn name(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match name.trim() {
        "" => "plugin".to_owned(),
        name => rpcplugin_core::escape_text(name),
    }
}

/// When it was started, on this process's clock.
pub(super) fn started(pid: u32) -> Instant {
    let now = Instant::now();
    let age = || {
        let start_time = rpcplugin_transport::Birth::of(pid)?.start_time;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let hundredths = start_time.checked_mul(100)? / per_second;
        Duration::try_from_secs_f64(uptime)
            .ok()?
            .checked_sub(Duration::from_millis(hundredths * 10))
    };
    age().and_then(|age| now.checked_sub(age)).unwrap_or(now)
}
