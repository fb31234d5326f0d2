use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use prost::Message as _;
use prost_reflect::MessageDescriptor;
use rpcplugin_core::Error;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_stream::Stream;

use super::json::{Segment, read};

/// The requests of a streaming call on their way out.
///
/// After one that does not fit it rests for ever: an end would tell the plugin that all had been
/// sent. Whoever awaits the call hears of it by [`Failed`], and cancels the call by dropping it.
pub(super) struct Requests {
    inner: BoxStream<'static, Value>,
    of: MessageDescriptor,
    allow_unknown: bool,
    count: usize,
    /// `None` once it was told.
    failure: Option<oneshot::Sender<Error>>,
}

impl Requests {
    pub(super) fn new(
        inner: impl Stream<Item = Value> + Send + 'static,
        of: MessageDescriptor,
        allow_unknown: bool,
    ) -> (Self, Failed) {
        let (failure, failed) = oneshot::channel();
        let requests =
            Self { inner: Box::pin(inner), of, allow_unknown, count: 0, failure: Some(failure) };
        (requests, Failed(Some(failed)))
    }
}

impl Stream for Requests {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.failure.is_none() {
            return Poll::Pending;
        }
        let Some(value) = ready!(self.inner.as_mut().poll_next(cx)) else {
            return Poll::Ready(None);
        };
        let place = Segment::Index(self.count);
        self.count += 1;
        match read(&self.of, &value, self.allow_unknown, Some(place)) {
            Ok(message) => Poll::Ready(Some(message.encode_to_vec().into())),
            Err(error) => {
                if let Some(failure) = self.failure.take() {
                    // Nobody listens if the call was dropped.
                    let _ = failure.send(error.into());
                }
                Poll::Pending
            }
        }
    }
}

/// Tells of a request that does not fit. It rests for ever if all do.
#[derive(Debug)]
pub(super) struct Failed(Option<oneshot::Receiver<Error>>);

impl Failed {
    /// Of a call whose one request has been read.
    pub(super) const fn never() -> Self {
        Self(None)
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some(receiver) = &mut self.0 else { return Poll::Pending };
        match ready!(Pin::new(receiver).poll(cx)) {
            Ok(error) => Poll::Ready(error),
            // All requests are sent.
            Err(_) => {
                self.0 = None;
                Poll::Pending
            }
        }
    }
}
