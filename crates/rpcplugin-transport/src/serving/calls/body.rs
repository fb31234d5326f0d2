use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tonic::{Code, Status, body::Body};

use super::{expired, oversize, panicked};
use crate::{FrameLimit, serving::in_flight::Ticket};

/// The answer of a call. Whatever goes wrong while it is made, a panic included, ends it with
/// trailers that say so; an error would reset the stream and lose the reason.
pub(super) struct CallBody {
    /// `None` once the end has been sent.
    inner: Option<Body>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Held until the call is over.
    ticket: Option<Ticket>,
}

impl CallBody {
    pub(super) fn new(inner: Body, deadline: Option<Instant>, ticket: Option<Ticket>) -> Self {
        // An answer without a body is over once its headers are sent, and nobody polls it.
        let over = http_body::Body::is_end_stream(&inner);
        let deadline = deadline.filter(|_| !over);
        Self {
            inner: Some(inner),
            deadline: deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline))),
            ticket,
        }
    }

    /// The same with messages of at most `limit` bytes.
    pub(super) fn limited(mut self, limit: usize) -> Self {
        self.inner = self
            .inner
            .map(|inner| Body::new(FrameLimit::new(inner, limit, "grpc_max_send_message_size")));
        self
    }

    fn end(&mut self) {
        self.inner = None;
        self.deadline = None;
        self.ticket = None;
    }

    fn end_with(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.end();
        Poll::Ready(Some(Ok(Frame::trailers(trailers(status)))))
    }
}

impl http_body::Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        if let Some(deadline) = &mut this.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return this.end_with(&expired());
        }
        // After a panic the body is dropped and never polled again.
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_trailers() {
                Ok(mut trailers) => {
                    oversize::rewrite(&mut trailers);
                    this.end();
                    Poll::Ready(Some(Ok(Frame::trailers(trailers))))
                }
                Err(data) => Poll::Ready(Some(Ok(data))),
            },
            Ok(Poll::Ready(Some(Err(status)))) => this.end_with(&status),
            Ok(Poll::Ready(None)) => {
                this.end();
                Poll::Ready(None)
            }
            Err(_) => {
                tracing::error!("a handler panicked in the middle of its answer");
                this.end_with(&panicked())
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or(SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // The message cannot stand in a header; the code can.
        trailers.insert("grpc-status", i32::from(Code::Internal).into());
    }
    trailers
}
