//! The accepting end of a side channel.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rpcplugin_core::{Error, TransportError};
use rpcplugin_transport::{
    Generation, Listener,
    serving::{Connections, Endings},
};
use tokio::{
    sync::mpsc::Permit,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Reception, ServiceId, Services, ids::LiveId, message, mux::SideListener,
    services::ServicesAnswer, session::Session, shared::Shared,
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
            let address = shared.side.to_peer(listener.address())?;
            let announcement = message::announce(live.id(), &address)?;
            let permit = shared.during(&session, permit(&session, deadline, limit)).await?;
            (listener, Some((permit, announcement)))
        }
    };
    // Nothing waits any more, so nothing is announced that is not served.
    let Reception { calls, layers, any_user, user, max_streams } = shared.side.reception();
    let endings = Endings::default();
    let answer = services.into_answer(calls, &layers);
    let connections = Connections::new(answer, shared.side.protection(), endings.clone())
        .any_user(any_user)
        .user(user)
        .max_streams(max_streams);
    let (id, closed, ended) = (live.id(), live.closed().clone(), session.ended.clone());
    let accepting = Accepting {
        generation: shared.generation.clone(),
        grace: shared.options.grace,
        connections,
        endings,
        closed: closed.clone(),
        ended: ended.clone(),
        kept: Arc::default(),
        live,
    };
    let kept = accepting.kept.clone();
    let task = Some(shared.tasks.spawn(accepting.run(listener)));
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
    generation: Generation,
    grace: Duration,
    connections: Connections<ServicesAnswer>,
    endings: Endings,
    closed: CancellationToken,
    ended: CancellationToken,
    kept: Arc<AtomicBool>,
    /// The number is free once everything is gone.
    live: LiveId,
}

impl Accepting {
    /// Accepts until it is closed; then drops the listener, and lets connections end.
    async fn run(self, listener: Box<dyn Listener>) {
        let Self { generation, grace, connections, endings, closed, ended, kept, live } = self;
        let stream_ended = async {
            ended.cancelled().await;
            if !kept.load(Ordering::SeqCst) {
                // Its owner decides.
                std::future::pending::<()>().await;
            }
        };
        // The socket goes first, so that nobody comes any more.
        tokio::select! {
            biased;
            () = closed.cancelled() => {}
            () = stream_ended => {}
            _ = generation.wait() => {}
            () = connections.accept(listener) => {}
        }
        endings.close();
        tokio::select! {
            biased;
            _ = generation.wait() => {}
            // Whoever is not done by then is cut.
            _ = timeout(grace, endings.finished()) => {}
        }
        endings.cut();
        endings.finished().await;
        drop(live);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
