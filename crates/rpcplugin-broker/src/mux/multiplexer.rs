use std::{fmt, sync::Arc, time::Duration};

use rpcplugin_core::Error;
use rpcplugin_transport::{Accepted, BoxIo, Generation, Listener};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::timeout,
};
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
    session: watch::Sender<Option<Settlement>>,
    generation: Generation,
    ended: CancellationToken,
}

/// The session that is the one.
struct Settlement {
    session: Session,
    standing: Standing,
}

/// Whether a session stays the one as long as it lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    Final,
    /// A [`Final`](Self::Final) one takes its place, even a little after it has ended.
    Provisional,
}

impl Multiplexer {
    /// For whom a provisional session kept the place may still come so long after its end.
    const SUCCESSION: Duration = Duration::from_secs(2);

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
        self.settle(session, Standing::Final);
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
        let session = self.shared.session.borrow().as_ref().map(|one| one.session.clone());
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

    /// Makes this session the one, unless there is one already or it was given up. A final one
    /// closes a provisional one and takes its place.
    pub(super) fn settle(&self, session: Session, standing: Standing) {
        let next = session.clone();
        let mut displaces = false;
        let settled = self.shared.session.send_if_modified(|current| {
            let free = current.as_ref().is_none_or(|before| {
                before.standing == Standing::Provisional && standing == Standing::Final
            });
            let settles = free && !next.closing.is_cancelled();
            if settles && let Some(before) = current.replace(Settlement { session: next, standing })
            {
                before.session.closing.cancel();
                // In this order: no stream of it takes up a promise from here on.
                self.shared.router.forget_all();
                displaces = true;
            }
            settles
        });
        if displaces {
            tracing::warn!("another process had taken the place of the host, and lost it");
        }
        if settled {
            // It ends with the session, and that with the generation.
            tokio::spawn(self.clone().watch(session, standing));
        }
    }

    /// Waits until a session has ended, and nobody takes its place.
    async fn watch(self, session: Session, standing: Standing) {
        session.ended.cancelled().await;
        let is_the_one = |current: &Option<Settlement>| {
            current.as_ref().is_some_and(|current| current.session.is(&session))
        };
        if standing == Standing::Provisional {
            let mut current = self.shared.session.subscribe();
            let succession = current.wait_for(|current| !is_the_one(current));
            tokio::select! {
                biased;
                _ = self.shared.generation.wait() => {}
                _ = timeout(Self::SUCCESSION, succession) => {}
            }
        }
        if is_the_one(&self.shared.session.borrow()) {
            self.shared.ended.cancel();
        }
    }

    /// How the session that is the one stands, if there is one.
    pub(super) fn standing(&self) -> Option<Standing> {
        self.shared.session.borrow().as_ref().map(|one| one.standing)
    }

    /// Closes this session, unless it is the one. Under the same lock as [`settle`](Self::settle),
    /// so that it is one of both and never both.
    pub(super) fn give_up(&self, session: &Session) {
        self.shared.session.send_if_modified(|current| {
            if !current.as_ref().is_some_and(|current| current.session.is(session)) {
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
            Some(one) => one.session.open(Open { reply, turn, place }),
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

    /// A session, which ends with its peer.
    fn session(multiplexer: &Multiplexer) -> (Session, tokio::io::DuplexStream) {
        let inbound = Inbound::Routed(multiplexer.router().clone(), Peer::default());
        let (ours, peer) = tokio::io::duplex(1024);
        (multiplexer.start(Box::new(ours), Mode::Server, inbound), peer)
    }

    #[tokio::test]
    async fn what_was_given_up_is_not_settled_on() {
        let multiplexer = Multiplexer::host(Generation::new());
        let [(late, _), (timely, _peer)] = std::array::from_fn(|_| session(&multiplexer));
        multiplexer.give_up(&late);
        multiplexer.settle(late, Standing::Final);
        assert_eq!(multiplexer.standing(), None);
        multiplexer.settle(timely.clone(), Standing::Final);
        assert_eq!(multiplexer.standing(), Some(Standing::Final));
        multiplexer.give_up(&timely);
        assert!(!timely.closing.is_cancelled());
    }

    #[tokio::test]
    async fn a_final_session_takes_the_place_of_a_provisional_one_and_no_other_does() {
        let multiplexer = Multiplexer::host(Generation::new());
        let sessions: [_; 4] = std::array::from_fn(|_| session(&multiplexer));
        let [first, second, host, late] = sessions.each_ref().map(|(session, _)| session.clone());
        multiplexer.settle(first.clone(), Standing::Provisional);
        multiplexer.settle(second, Standing::Provisional);
        assert!(!first.closing.is_cancelled());
        multiplexer.settle(host.clone(), Standing::Final);
        assert!(first.closing.is_cancelled());
        multiplexer.settle(late, Standing::Final);
        assert!(!host.closing.is_cancelled());
        first.ended.cancelled().await;
        tokio::task::yield_now().await;
        assert!(!multiplexer.shared.ended.is_cancelled(), "the host's is what counts");
        host.closing.cancel();
        multiplexer.ended().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_provisional_session_that_ends_keeps_the_place_for_2_s() {
        for comes in [true, false] {
            let multiplexer = Multiplexer::host(Generation::new());
            let [(stranger, _), (host, _peer)] = std::array::from_fn(|_| session(&multiplexer));
            multiplexer.settle(stranger.clone(), Standing::Provisional);
            stranger.ended.cancelled().await;
            tokio::time::sleep(Duration::from_millis(1900)).await;
            assert!(!multiplexer.shared.ended.is_cancelled());
            if comes {
                multiplexer.settle(host, Standing::Final);
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(multiplexer.shared.ended.is_cancelled(), !comes);
        }
    }
}
