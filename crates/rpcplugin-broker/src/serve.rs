//! The accepting end of a side channel.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rpcplugin_core::{Error, TransportError};
use rpcplugin_transport::{Generation, Listener};
use tokio::{
    sync::mpsc::Permit,
    task::{JoinHandle, JoinSet},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    ServiceId, Services, Side, SideConnection, ids::LiveId, message, mux::SideListener,
    services::Parts, session::Session, shared::Shared,
};

/// The number of a side channel that is not served yet, so that a service can be made that knows
/// its own number. Dropping it gives the number up.
#[derive(Debug)]
#[must_use = "a number that is dropped is given up"]
pub struct ReservedId {
    pub(crate) shared: Arc<Shared>,
    pub(crate) live: LiveId,
}

impl ReservedId {
    /// The number.
    #[must_use]
    pub fn id(&self) -> ServiceId {
        self.live.id()
    }

    /// As [`Broker::serve`](crate::Broker::serve), under this number.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn serve(self, services: impl Into<Services>) -> Result<Served, Error> {
        let Self { shared, live } = self;
        serve(&shared, live, services.into()).await
    }
}

/// A side channel that this side serves. Dropping it closes the channel: the listener and its
/// socket go at once, and calls in progress have [`grace`](crate::BrokerOptions::grace) to end.
#[derive(Debug)]
#[must_use = "dropping it closes the side channel; `keep` leaves it open"]
pub struct Served {
    id: ServiceId,
    closed: CancellationToken,
    kept: Arc<AtomicBool>,
    /// The end of the stream on which it was announced.
    ended: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Served {
    /// The number, to be sent to the other side in a message.
    #[must_use]
    pub const fn id(&self) -> ServiceId {
        self.id
    }

    /// Leaves the side channel open until the other side's connection ends, or until
    /// [`Broker::close`](crate::Broker::close): for a handler that returns the number.
    pub fn keep(mut self) -> ServiceId {
        self.kept.store(true, Ordering::SeqCst);
        if self.ended.is_cancelled() {
            // The accepting task may have looked already.
            self.closed.cancel();
        }
        self.task = None;
        self.id
    }

    /// Closes the side channel and waits until nothing of it is left.
    ///
    /// Dropping the future closes it just the same.
    pub async fn close(mut self) {
        self.closed.cancel();
        if let Some(task) = self.task.take() {
            // It fails only if the runtime shuts down, and then nothing is left either.
            let _ = task.await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if !self.kept.load(Ordering::SeqCst) {
            self.closed.cancel();
        }
    }
}

/// See [`Broker::serve`](crate::Broker::serve).
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    live: LiveId,
    services: Services,
) -> Result<Served, Error> {
    let limit = shared.options.timeout;
    let deadline = Instant::now() + limit;
    let session = shared.session(deadline).await?;
    // It listens from here on; whatever fails below drops it.
    let (listener, announced): (Box<dyn Listener>, _) = match shared.multiplexer.clone() {
        // Nothing is announced: the other side knocks.
        Some(multiplexer) => (Box::new(SideListener::new(multiplexer, &live)), None),
        None => {
            let listener = shared.side.listen()?;
            let announcement = message::announce(live.id(), &listener.address())?;
            let permit = shared.during(&session, permit(&session, deadline, limit)).await?;
            (listener, Some((permit, announcement)))
        }
    };
    // Nothing waits any more, so nothing is announced that is not served.
    let accepting = Accepting {
        side: shared.side.clone(),
        generation: shared.generation.clone(),
        grace: shared.options.grace,
        id: live.id(),
        services: services.into_parts(),
        closed: live.closed().clone(),
        ended: session.ended.clone(),
        kept: Arc::default(),
        _live: live,
    };
    let (id, kept) = (accepting.id, accepting.kept.clone());
    let (closed, ended) = (accepting.closed.clone(), accepting.ended.clone());
    let task = Some(tokio::spawn(accepting.run(listener)));
    if let Some((permit, announcement)) = announced {
        permit.send(announcement);
    }
    Ok(Served { id, closed, kept, ended, task })
}

/// A place in the queue of announcements.
async fn permit<'a>(
    session: &'a Session,
    deadline: Instant,
    limit: Duration,
) -> Result<Permit<'a, rpcplugin_proto::plugin::ConnInfo>, Error> {
    match timeout_at(deadline, session.outgoing.reserve()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => {
            let detail = "the broker's stream takes no announcement".to_owned();
            Err(TransportError::Disconnected { detail, source: None }.into())
        }
        Err(_) => {
            let origin = format!("announcing a side channel, broker_timeout of {limit:?}");
            Err(TransportError::Deadline { origin }.into())
        }
    }
}

/// What accepts the connections of one side channel.
struct Accepting {
    side: Arc<dyn Side>,
    generation: Generation,
    grace: Duration,
    id: ServiceId,
    services: Parts,
    closed: CancellationToken,
    ended: CancellationToken,
    kept: Arc<AtomicBool>,
    /// The number is free once everything is gone.
    _live: LiveId,
}

impl Accepting {
    /// Accepts until it is closed; then drops the listener, and lets connections end.
    async fn run(self, mut listener: Box<dyn Listener>) {
        let closing = CancellationToken::new();
        // Dropping it cuts every connection.
        let mut connections = JoinSet::new();
        let over = std::pin::pin!(self.over());
        let accept = async {
            loop {
                tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok(accepted) if self.side.welcomes(&accepted) => {
                            let connection = self.connection(accepted, &closing);
                            connections.spawn(self.side.serve(connection));
                        }
                        Ok(accepted) => {
                            let peer = accepted.peer;
                            tracing::warn!(?peer, id = %self.id, "refused a connection");
                        }
                        Err(error) => {
                            tracing::warn!(%error, id = %self.id, "could not accept a connection");
                        }
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
        };
        tokio::select! {
            biased;
            () = over => {}
            never = accept => match never {},
        }
        // The socket goes first, so that nobody comes any more.
        drop(listener);
        closing.cancel();
        let finished = async { while connections.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            _ = self.generation.wait() => {}
            // Whoever is not done by then is cut.
            _ = timeout(self.grace, finished) => {}
        }
        connections.shutdown().await;
    }

    /// Waits for whatever ends the side channel.
    async fn over(&self) {
        let stream_ended = async {
            self.ended.cancelled().await;
            if !self.kept.load(Ordering::SeqCst) {
                // Its owner decides.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.closed.cancelled() => {}
            () = stream_ended => {}
            _ = self.generation.wait() => {}
        }
    }

    fn connection(
        &self,
        accepted: rpcplugin_transport::Accepted,
        closing: &CancellationToken,
    ) -> SideConnection {
        SideConnection {
            id: self.id,
            accepted,
            service: self.services.service.clone(),
            max_receive_message_size: self.services.max_receive,
            max_send_message_size: self.services.max_send,
            closing: Box::pin(closing.clone().cancelled_owned()),
        }
    }
}

impl fmt::Debug for Accepting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepting").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
