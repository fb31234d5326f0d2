use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

use crate::FrameLimit;

/// The caller's hold on a call. Dropping it cancels the call in the plugin, even while its
/// request is still being sent.
#[derive(Debug, Default)]
pub(super) struct Call {
    link: Arc<Link>,
}

impl Call {
    /// The call's request, with messages of up to `limit` bytes.
    pub(super) fn request(&self, body: tonic::body::Body, limit: usize) -> RequestBody {
        RequestBody {
            inner: FrameLimit::new(body, limit, "grpc_max_send_message_size"),
            link: self.link.clone(),
        }
    }

    /// Why the request could not be sent whole, if it is the request's own fault.
    pub(super) fn failure(&self) -> Option<Status> {
        self.link.failure.get().cloned()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.link.dropped.store(true, Ordering::Release);
        self.link.sender.wake();
    }
}

/// What the two halves of a call tell each other.
#[derive(Debug, Default)]
struct Link {
    dropped: AtomicBool,
    sender: AtomicWaker,
    failure: OnceLock<Status>,
}

/// A request on its way out.
#[derive(Debug)]
pub(super) struct RequestBody {
    inner: FrameLimit<tonic::body::Body>,
    link: Arc<Link>,
}

impl RequestBody {
    fn is_dropped(&self) -> bool {
        self.link.dropped.load(Ordering::Acquire)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    /// The reason with which the stream is reset.
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let cancelled = || Poll::Ready(Some(Err(h2::Reason::CANCEL.into())));
        if self.is_dropped() {
            return cancelled();
        }
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Err(status))) => {
                // Only the first of them ends the call.
                let _ = self.link.failure.set(status);
                cancelled()
            }
            Poll::Ready(frame) => Poll::Ready(frame.and_then(Result::ok).map(Ok)),
            Poll::Pending => {
                self.link.sender.register(cx.waker());
                // It may have been dropped between the look and the registration.
                if self.is_dropped() { cancelled() } else { Poll::Pending }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
