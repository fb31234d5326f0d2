use std::{
    fmt,
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use rpcplugin_core::ProtocolError;
use tokio::time::Sleep;
use tonic::Status;

use super::{
    call::Call,
    deadline::Deadline,
    failure::{Failure, classify},
    fate::Fate,
};
use crate::{
    Generation,
    frame_limit::FrameGauge,
    status::{protocol_status, transport_status},
};

/// A reply on its way in. Dropping it cancels the call in the plugin.
///
/// It ends once: with the plugin's trailers, or with one [`Status`] as its error. The default is
/// a reply that has ended.
#[derive(Default)]
#[must_use = "dropping a reply cancels its call"]
pub struct ChannelBody {
    state: State,
}

#[derive(Default)]
enum State {
    Open(Reply),
    /// The connection is lost; the reason is being found out.
    Failing(BoxFuture<'static, Status>),
    #[default]
    Done,
}

/// A reply that has not ended, and what it keeps of its call and of its connection.
pub(super) struct Reply {
    pub(super) incoming: Incoming,
    pub(super) call: Call,
    pub(super) gauge: FrameGauge,
    pub(super) deadline: Option<Timer>,
    pub(super) needs_trailers: bool,
    pub(super) fate: Arc<Fate>,
    pub(super) generation: Generation,
}

/// A deadline that wakes.
pub(super) struct Timer {
    deadline: Deadline,
    sleep: Pin<Box<Sleep>>,
}

impl From<Deadline> for Timer {
    fn from(deadline: Deadline) -> Self {
        Self { deadline, sleep: Box::pin(tokio::time::sleep_until(deadline.at)) }
    }
}

impl Reply {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        // First, because a stream that never pauses must obey it too.
        if let Some(Timer { deadline, sleep }) = &mut self.deadline
            && sleep.as_mut().poll(cx).is_ready()
        {
            let passed = transport_status(deadline.passed());
            return Poll::Ready(Some(Err(Failure::Call(passed))));
        }
        Poll::Ready(match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
            Some(Ok(frame)) => {
                Some(self.gauge.check(&frame).map(|()| frame).map_err(Failure::Call))
            }
            Some(Err(error)) => Some(Err(match self.call.failure() {
                Some(status) => Failure::Call(status),
                None => classify(&error),
            })),
            None if !self.needs_trailers => None,
            None => {
                let whole = self.incoming.is_end_stream();
                let status = self.call.failure().unwrap_or_else(|| without_trailers(whole));
                Some(Err(Failure::Call(status)))
            }
        })
    }
}

impl ChannelBody {
    pub(super) const fn new(reply: Reply) -> Self {
        Self { state: State::Open(reply) }
    }
}

impl Body for ChannelBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            let reply = match &mut self.state {
                State::Open(reply) => reply,
                State::Failing(reason) => {
                    let status = ready!(reason.as_mut().poll(cx));
                    self.state = State::Done;
                    return Poll::Ready(Some(Err(status)));
                }
                State::Done => return Poll::Ready(None),
            };
            let frame = ready!(reply.poll(cx));
            match frame {
                Some(Ok(frame)) if frame.is_trailers() => {
                    self.state = State::Done;
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Ok(frame)) => return Poll::Ready(Some(Ok(frame))),
                Some(Err(Failure::Call(status))) => {
                    self.state = State::Done;
                    return Poll::Ready(Some(Err(status)));
                }
                Some(Err(Failure::Connection(detail))) => {
                    let (fate, generation) = (reply.fate.clone(), reply.generation.clone());
                    self.state =
                        State::Failing(Box::pin(
                            async move { fate.status(&generation, detail).await },
                        ));
                }
                None => {
                    self.state = State::Done;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Done)
    }
}

impl fmt::Debug for ChannelBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBody").field("done", &self.is_end_stream()).finish_non_exhaustive()
    }
}

/// What a reply ends with that has no trailers, and so no status: generated clients would take it
/// for complete.
fn without_trailers(whole: bool) -> Status {
    if whole {
        protocol_status(ProtocolError::BadReply { detail: "it ended without a status".to_owned() })
    } else {
        Status::cancelled("the plugin cancelled the call in the middle of its reply")
    }
}
