//! One life of the broker's stream between host and plugin.

use std::{convert::Infallible, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use rpcplugin_core::{Noise, ProtocolError};
use rpcplugin_proto::plugin::ConnInfo;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    message::{self, Multiplexed},
    mux::{Answers, HeldKnocks, Verdict},
    offers::Offers,
};

/// One stream: where announcements go out, and what has come in.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) outgoing: mpsc::Sender<ConnInfo>,
    pub(crate) offers: Offers,
    /// This side's knocks, if everything is multiplexed.
    pub(crate) answers: Answers,
    /// The stream is over, or another one took its place.
    pub(crate) ended: CancellationToken,
    /// Another one took its place.
    pub(crate) replaced: CancellationToken,
}

/// The stream at this moment.
#[derive(Clone, Debug)]
pub(crate) enum Current {
    /// There is none yet, or none any more.
    None,
    Open(Arc<Session>),
    /// There will be none: the peer has no broker.
    Unsupported,
}

/// The owner of a session. Dropping it ends the session, and every wait on it.
#[derive(Debug)]
pub(crate) struct Link {
    session: Arc<Session>,
    /// The peer's knocks, if everything is multiplexed.
    held: Option<HeldKnocks>,
    current: watch::Sender<Current>,
    /// What the peer does wrong, on this stream and on those before.
    noise: Noise,
}

impl Link {
    /// Begins a session, which takes the place of the one before. What is sent comes out of the
    /// receiver.
    pub(crate) fn open(
        current: &watch::Sender<Current>,
        max_pending: usize,
    ) -> (Self, mpsc::Receiver<ConnInfo>) {
        let (outgoing, receiver) = mpsc::channel(WAITING);
        let (offers, answers) = (Offers::new(max_pending), Answers::default());
        let (ended, replaced) = (CancellationToken::new(), CancellationToken::new());
        let session = Arc::new(Session { outgoing, offers, answers, ended, replaced });
        let before = current.send_replace(Current::Open(session.clone()));
        if let Current::Open(before) = before {
            tracing::debug!("another stream of the broker takes the place of the last one");
            before.ended.cancel();
            before.replaced.cancel();
        }
        let noise = Noise::default();
        (Self { session, held: None, current: current.clone(), noise }, receiver)
    }

    /// The same, going on with a count of what the peer did wrong before.
    pub(crate) fn noise(mut self, noise: Noise) -> Self {
        self.noise = noise;
        self
    }

    /// The same, with knocks instead of announcements.
    pub(crate) fn multiplexed(mut self, held: HeldKnocks) -> Self {
        self.held = Some(held);
        self
    }

    pub(crate) fn session(&self) -> Arc<Session> {
        self.session.clone()
    }

    /// The peer has no broker, and dialling it again would not change that.
    pub(crate) fn unsupported(&self) {
        self.replace(Current::Unsupported);
    }

    /// Takes announcements or knocks in until the stream ends.
    ///
    /// # Errors
    ///
    /// The status with which the stream ended, if it did not end well.
    pub(crate) async fn drive(
        mut self,
        mut incoming: impl Stream<Item = Result<ConnInfo, Status>> + Unpin,
    ) -> Result<(), Status> {
        loop {
            let message = tokio::select! {
                message = incoming.next() => message,
                never = answer(self.held.as_mut()) => match never {},
            };
            let Some(message) = message else { return Ok(()) };
            if let Err(error) = self.received(&message?)
                && let Some(count) = self.noise.make()
            {
                tracing::warn!(code = error.code(), count, "ignored by the broker: {error}");
            }
        }
    }

    fn received(&mut self, message: &ConnInfo) -> Result<(), ProtocolError> {
        let Some(held) = &mut self.held else {
            return self.session.offers.announce(message::read(message)?);
        };
        match message::read_multiplexed(message)? {
            Multiplexed::Knock(id) => held.knocked(id),
            Multiplexed::Answer(id, answer) => match self.session.answers.answered(id, answer) {
                Verdict::Settled => Ok(()),
                Verdict::Owed => {
                    held.open_owed();
                    Ok(())
                }
                Verdict::Stray => Err(message::refuse(message, "it answers no knock")),
            },
        }
    }

    /// Puts `next` in this session's place, unless another one already took it.
    fn replace(&self, next: Current) {
        self.current.send_if_modified(|current| {
            let is_this = matches!(current, Current::Open(now) if Arc::ptr_eq(now, &self.session));
            if is_this {
                *current = next;
            }
            is_this
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // First, so that nobody finds a session that is over.
        self.replace(Current::None);
        self.session.ended.cancel();
    }
}

/// Answers knocks, if there are any to answer.
async fn answer(held: Option<&mut HeldKnocks>) -> Infallible {
    match held {
        Some(held) => held.answer().await,
        None => std::future::pending().await,
    }
}

/// Announcements that wait for the connection to take them.
const WAITING: usize = 16;
