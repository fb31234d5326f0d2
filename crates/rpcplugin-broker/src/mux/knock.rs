use std::{sync::Arc, time::Duration};

use rpcplugin_core::{Error, ProtocolError, TransportError};
use rpcplugin_proto::plugin::ConnInfo;
use rpcplugin_transport::BoxIo;
use tokio::{
    sync::{OwnedMutexGuard, OwnedSemaphorePermit, mpsc::OwnedPermit, oneshot},
    time::timeout,
};

use super::Multiplexer;
use crate::{ServiceId, message, session::Session};

/// Knocks and, once let in, opens a stream.
///
/// Dropping the future before the knock takes it back. After that the knock goes on by itself, as
/// the acceptor may have promised the next stream to it. `None` if the connection is lost.
pub(super) async fn dial(
    multiplexer: &Multiplexer,
    link: &Arc<Session>,
    id: ServiceId,
    limit: Duration,
) -> Option<Result<BoxIo, Error>> {
    let turn = multiplexer.turn().await;
    // Before the knock: its answer promises a stream, which must then come.
    let place = match multiplexer.place() {
        Ok(place) => place,
        Err(full) => return Some(Err(full)),
    };
    let permit = link.outgoing.clone().reserve_owned().await.ok()?;
    let (reply, opened) = oneshot::channel();
    let (multiplexer, link) = (multiplexer.clone(), link.clone());
    tokio::spawn(Knock { multiplexer, link, id, limit }.run(turn, place, permit, reply));
    opened.await.ok()
}

/// One knock.
#[derive(Debug)]
struct Knock {
    multiplexer: Multiplexer,
    link: Arc<Session>,
    id: ServiceId,
    limit: Duration,
}

impl Knock {
    /// The turn is held until the stream is opened or it is clear that there will be none.
    async fn run(
        self,
        turn: OwnedMutexGuard<()>,
        place: OwnedSemaphorePermit,
        permit: OwnedPermit<ConnInfo>,
        reply: oneshot::Sender<Result<BoxIo, Error>>,
    ) {
        if self.link.ended.is_cancelled() {
            // The knock would reach nobody, and no stream is owed for it.
            return;
        }
        let mut knocked = self.link.answers.knock(self.id.get());
        permit.send(message::knock(self.id));
        let answer = tokio::select! {
            biased;
            () = self.multiplexer.ended() => return,
            answer = timeout(self.limit, knocked.answer()) => match answer {
                Ok(answer) => Some(answer),
                Err(_) => knocked.give_up(),
            },
            () = self.link.ended.cancelled() => {
                // Whether the acceptor has heard it, nobody knows; so it gets its stream. If it
                // expects none, it sees a connection that ends at once.
                self.multiplexer.open(Some(turn), None, oneshot::channel().0);
                return;
            }
        };
        // Whoever has gone meanwhile needs no answer.
        match answer {
            Some(Ok(())) => self.multiplexer.open(Some(turn), Some(place), reply),
            Some(Err(reason)) => {
                let id = self.id.get();
                tracing::debug!(id, reason, "a knock was refused");
                let _ = reply.send(Err(ProtocolError::BrokerUnknownId { id }.into()));
            }
            None => {
                let (id, limit) = (self.id.get(), self.limit);
                let _ = reply.send(Err(TransportError::BrokerTimeout { id, limit }.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rpcplugin_transport::{Accepted, Generation, Peer};
    use tokio::sync::watch;

    use super::*;
    use crate::{
        mux::syn::Watched,
        session::{Current, Link},
    };

    #[tokio::test]
    async fn a_knock_on_a_stream_that_was_replaced_opens_nothing() {
        let multiplexer = Multiplexer::host(Generation::new());
        let (io, _peer) = tokio::io::duplex(1024);
        let (io, opened) = Watched::new(io);
        multiplexer.run(Accepted::new(Box::new(io), Peer::default()));

        let (link, _receiver) = Link::open(&watch::Sender::new(Current::None), 16);
        let session = link.session();
        let permit = session.outgoing.clone().reserve_owned().await.unwrap();
        drop(link);
        let (turn, place) = (multiplexer.turn().await, multiplexer.place().unwrap());
        let limit = Duration::from_secs(5);
        let knock = Knock { multiplexer: multiplexer.clone(), link: session, id: 1.into(), limit };
        let (reply, answer) = oneshot::channel();
        knock.run(turn, place, permit, reply).await;
        assert!(answer.await.is_err());

        let (reply, next) = oneshot::channel();
        multiplexer.open(None, None, reply);
        next.await.unwrap().unwrap();
        assert_eq!(opened.last(), 1, "the next stream is the first");
    }
}
