use std::{fmt, sync::Arc};

use rpcplugin_core::Error;
use rpcplugin_transport::{Accepted, BoxIo, Generation, Listener};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use yamux::Mode;

use super::{
    MainConnector, MainListener,
    driver::{self, Open, Session},
    router::{Inbound, Router},
};

/// The one connection between host and plugin when everything is multiplexed on it.
///
/// Clones are the same. It is made before the connection is there: a plugin waits for it
/// ([`plugin`](Self::plugin)), a host brings it ([`run`](Self::run)), once.
///
/// Everything on it ends with the [`Generation`], with the connection, or with
/// [`close`](Self::close).
#[derive(Clone)]
pub struct Multiplexer {
    shared: Arc<Shared>,
}

struct Shared {
    router: Router,
    /// Whose turn it is to knock, or to open a stream without a knock.
    turn: Arc<Mutex<()>>,
    /// For streams of this side.
    places: Arc<Semaphore>,
    session: watch::Sender<Option<Session>>,
    generation: Generation,
    ended: CancellationToken,
}

impl Multiplexer {
    /// The host's: streams that it did not ask for are closed.
    #[must_use]
    pub fn host(generation: Generation) -> Self {
        Self::new(generation, None)
    }

    fn new(generation: Generation, main: Option<mpsc::Sender<Accepted>>) -> Self {
        let shared = Shared {
            router: Router::new(main),
            turn: Arc::default(),
            places: Arc::new(Semaphore::new(driver::STREAMS)),
            session: watch::Sender::new(None),
            generation,
            ended: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The plugin's, and where main connections come from: see [`MainListener`].
    pub fn plugin(generation: Generation, listener: Box<dyn Listener>) -> (Self, MainListener) {
        let (main, receiver) = mpsc::channel(driver::STREAMS);
        let this = Self::new(generation, Some(main));
        let listener = MainListener::new(this.clone(), listener, receiver);
        (this, listener)
    }

    /// The host's end: multiplexes on this connection from here on, in a task of its own.
    pub fn run(&self, connection: Accepted) {
        let inbound = Inbound::Routed(self.shared.router.clone(), connection.peer);
        let session = self.start(connection.io, Mode::Client, inbound);
        self.settle(session);
    }

    /// Main connections over it, for a channel.
    #[must_use]
    pub fn connector(&self) -> MainConnector {
        MainConnector::new(self.clone())
    }

    /// Ends when the connection is lost or closed; pending while there is none yet.
    pub async fn ended(&self) {
        self.shared.ended.cancelled().await;
    }

    /// Closes the connection, once what was sent on it is on its way, for which it has 500 ms.
    ///
    /// Dropping the future closes it just the same.
    pub async fn close(&self) {
        let session = self.shared.session.borrow().clone();
        if let Some(session) = session {
            session.closing.cancel();
            session.ended.cancelled().await;
        }
    }

    /// Drives a session in a task.
    pub(super) fn start(&self, io: BoxIo, mode: Mode, inbound: Inbound) -> Session {
        let (session, driving) = Session::new(io, mode, inbound);
        let generation = self.shared.generation.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = generation.wait() => {}
                () = driving => {}
            }
        });
        session
    }

    /// Makes this session the one, unless there is one already or it was given up.
    pub(super) fn settle(&self, session: Session) {
        let ended = session.ended.clone();
        let first = self.shared.session.send_if_modified(|current| {
            let first = current.is_none() && !session.closing.is_cancelled();
            if first {
                *current = Some(session);
            }
            first
        });
        if first {
            let over = self.shared.ended.clone();
            // It ends with the session, and that with the generation.
            tokio::spawn(async move {
                ended.cancelled().await;
                over.cancel();
            });
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.shared.session.borrow().is_some()
    }

    /// Closes this session, unless it is the one. Under the same lock as [`settle`](Self::settle),
    /// so that it is one of both and never both.
    pub(super) fn give_up(&self, session: &Session) {
        self.shared.session.send_if_modified(|current| {
            if !current.as_ref().is_some_and(|current| current.is(session)) {
                session.closing.cancel();
            }
            false
        });
    }

    /// Waits until there is a connection.
    pub(super) async fn settled(&self) {
        let mut session = self.shared.session.subscribe();
        // `self` holds the sender, so this fails never.
        let _ = session.wait_for(Option::is_some).await;
    }

    pub(super) fn router(&self) -> &Router {
        &self.shared.router
    }

    /// Waits for this side's turn to dial. Cancel-safe.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        self.shared.turn.clone().lock_owned().await
    }

    /// A place for another stream of this side.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_RESOURCES` if there is none.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.shared.places.clone().try_acquire_owned().map_err(|_| driver::full())
    }

    /// Opens a stream. It comes about whatever becomes of the receiver, and is closed at once if
    /// that is gone.
    pub(super) fn open(
        &self,
        turn: Option<OwnedMutexGuard<()>>,
        place: Option<OwnedSemaphorePermit>,
        reply: oneshot::Sender<Result<BoxIo, Error>>,
    ) {
        match &*self.shared.session.borrow() {
            Some(session) => session.open(Open { reply, turn, place }),
            // Nobody may wait for it any more.
            None => drop(reply.send(Err(driver::lost()))),
        }
    }

    /// Opens a stream that the peer expects and nobody wants.
    pub(super) fn open_owed(&self) {
        let (reply, _) = oneshot::channel();
        self.open(None, None, reply);
    }
}

impl fmt::Debug for Multiplexer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multiplexer")
            .field("connected", &self.shared.session.borrow().is_some())
            .field("ended", &self.shared.ended.is_cancelled())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rpcplugin_transport::Peer;

    use super::*;

    fn session(multiplexer: &Multiplexer) -> Session {
        let inbound = Inbound::Routed(multiplexer.router().clone(), Peer::default());
        multiplexer.start(Box::new(tokio::io::duplex(1024).0), Mode::Server, inbound)
    }

    #[tokio::test]
    async fn what_was_given_up_is_not_settled_on() {
        let multiplexer = Multiplexer::host(Generation::new());
        let (late, timely) = (session(&multiplexer), session(&multiplexer));
        multiplexer.give_up(&late);
        multiplexer.settle(late);
        assert!(!multiplexer.is_settled());
        multiplexer.settle(timely.clone());
        assert!(multiplexer.is_settled());
        multiplexer.give_up(&timely);
        assert!(!timely.closing.is_cancelled());
    }
}
