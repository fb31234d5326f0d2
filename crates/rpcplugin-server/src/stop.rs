use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

/// Why a plugin stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    /// The host called the controller.
    Asked,
    /// A signal came.
    Signal,
    /// The host is gone.
    HostGone,
    /// Somebody used the handle.
    Handle,
    /// The one multiplexed connection to the host is lost.
    ConnectionLost,
    /// The file that asks for it appeared.
    File,
    /// The program ends its process.
    Exit,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "the host asked for it",
            Self::Signal => "a signal came",
            Self::HostGone => "the host is gone",
            Self::Handle => "the program asked for it",
            Self::ConnectionLost => "the multiplexed connection is lost",
            Self::File => "its shutdown file appeared",
            Self::Exit => "the program exits",
        })
    }
}

/// A request to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) reason: Reason,
    /// Time for calls in flight and for the exit; `None` for what the server was set to.
    pub(crate) grace: Option<Duration>,
    pub(crate) at: Instant,
}

/// The two moments of a stop that others wait for: its request, and the end of streams that
/// would otherwise stay open as long as the host likes. Clones share both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    request: OnceLock<Request>,
    host_gone: AtomicBool,
    requested: CancellationToken,
    streams: CancellationToken,
    exit: OnceLock<u8>,
    ended: CancellationToken,
}

impl Stop {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Asks for a stop; the first request counts. Callable from any thread.
    pub(crate) fn request(&self, reason: Reason, grace: Option<Duration>) {
        if reason == Reason::HostGone {
            self.0.host_gone.store(true, Ordering::SeqCst);
        }
        let _ = self.0.request.set(Request { reason, grace, at: Instant::now() });
        self.0.requested.cancel();
    }

    /// Has the process end with this code once what it printed is delivered; the first code counts.
    pub(crate) fn exit(&self, code: u8) {
        let _ = self.0.exit.set(code);
        self.request(Reason::Exit, None);
    }

    /// The code with which the process is to end.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        self.0.exit.get().copied()
    }

    /// Nothing is served any more.
    pub(crate) fn ended(&self) {
        self.0.ended.cancel();
    }

    /// Waits until nothing is served any more.
    pub(crate) async fn until_ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Waits for the first request.
    pub(crate) async fn requested(&self) -> Request {
        self.0.requested.cancelled().await;
        // Set before the token is cancelled.
        let fallback = Request { reason: Reason::Handle, grace: None, at: Instant::now() };
        self.0.request.get().copied().unwrap_or(fallback)
    }

    /// Cancelled with the first request.
    pub(crate) fn token(&self) -> CancellationToken {
        self.0.requested.clone()
    }

    /// Whether the host is known to be gone, whatever the stop's reason was.
    pub(crate) fn host_is_gone(&self) -> bool {
        self.0.host_gone.load(Ordering::SeqCst)
    }

    /// Ends health watches and the like.
    pub(crate) fn end_streams(&self) {
        self.0.streams.cancel();
    }

    /// Waits until long-lived streams must end.
    pub(crate) async fn streams_end(&self) {
        self.0.streams.cancelled().await;
    }
}
