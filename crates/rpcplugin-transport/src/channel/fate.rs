use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use rpcplugin_core::{ProtocolError, TransportError};
use tokio::time::Instant;
use tonic::Status;

use crate::{
    Generation,
    status::{protocol_status, shared_status},
};

/// What becomes of one connection, shared by its bytes, its calls, and whoever ends it.
///
/// The first cause stays: everything after it is only its echo.
#[derive(Debug, Default)]
pub(super) struct Fate {
    end: OnceLock<(End, Instant)>,
    severed: AtomicBool,
    reader: AtomicWaker,
}

/// Why a connection carries no further calls.
#[derive(Debug)]
enum End {
    /// The host gave it up.
    Cut(Arc<TransportError>),
    /// The generation ended.
    Over,
    /// It failed by itself.
    Lost(Arc<TransportError>),
    /// The peer speaks something else.
    NotGrpc(String),
}

impl Fate {
    /// Whether it carries no further calls.
    pub(super) fn is_sealed(&self) -> bool {
        self.end.get().is_some()
    }

    /// Ends it because the peer no longer answers.
    pub(super) fn cut(&self, origin: &str) {
        let origin = origin.to_owned();
        self.set(End::Cut(Arc::new(TransportError::Deadline { origin })));
        self.sever();
    }

    /// Ends it with its generation.
    pub(super) fn over(&self) {
        self.set(End::Over);
        self.sever();
    }

    /// It failed by itself.
    pub(super) fn lost(&self, detail: impl Into<String>, source: Option<io::Error>) {
        let (detail, source) = (detail.into(), source.map(Into::into));
        self.set(End::Lost(Arc::new(TransportError::Disconnected { detail, source })));
    }

    /// The peer's first bytes are not HTTP/2.
    pub(super) fn not_grpc(&self, detail: String) {
        self.set(End::NotGrpc(detail));
    }

    /// Ready once the bytes must stop; wakes the reader then.
    pub(super) fn poll_severed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_severed() {
            return Poll::Ready(());
        }
        self.reader.register(cx.waker());
        // It may have happened between the look and the registration.
        if self.is_severed() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(super) fn is_severed(&self) -> bool {
        self.severed.load(Ordering::Acquire)
    }

    /// What a call ends with that this connection's end took along. `detail` says what the call
    /// itself saw.
    pub(super) async fn status(&self, generation: &Generation, detail: String) -> Status {
        self.lost(detail, None);
        match self.end.get() {
            Some((End::Cut(error), _)) => shared_status(error.clone()),
            Some((End::NotGrpc(detail), _)) => {
                protocol_status(ProtocolError::PeerNotGrpc { detail: detail.clone() })
            }
            Some((End::Lost(error), since)) if !is_refusal(error) => {
                let error = ended_by(generation, *since).await.unwrap_or_else(|| error.clone());
                shared_status(error)
            }
            Some((End::Lost(error), _)) => shared_status(error.clone()),
            Some((End::Over, _)) | None => {
                shared_status(generation.error().unwrap_or(Arc::new(TransportError::ShutDown)))
            }
        }
    }

    /// Why a connection ended that never carried a call.
    pub(super) fn into_error(self: Arc<Self>) -> TransportError {
        let end = Arc::into_inner(self).and_then(|fate| fate.end.into_inner());
        match end {
            Some((End::Lost(error) | End::Cut(error), _)) => Arc::unwrap_or_clone(error),
            _ => TransportError::Disconnected { detail: "it never began".into(), source: None },
        }
    }

    fn set(&self, end: End) {
        // A second cause is only an echo of the first.
        let _ = self.end.set((end, Instant::now()));
    }

    fn sever(&self) {
        self.severed.store(true, Ordering::Release);
        self.reader.wake();
    }
}

/// Waits a little for the news that the process is gone, which may come after its last byte.
pub(super) async fn ended_by(
    generation: &Generation,
    since: Instant,
) -> Option<Arc<TransportError>> {
    /// Reaping takes milliseconds; the rest is for a host under load.
    const NEWS: Duration = Duration::from_millis(500);
    // On timeout the connection was lost and the process lives, as far as anybody knows.
    let _ = tokio::time::timeout_at(since + NEWS, generation.wait()).await;
    generation.error()
}

/// Whether the layer between, TLS, refused the bytes: then no process needs to have ended.
fn is_refusal(error: &TransportError) -> bool {
    matches!(error, TransportError::Disconnected { source: Some(source), .. }
        if source.kind() == io::ErrorKind::InvalidData)
}
