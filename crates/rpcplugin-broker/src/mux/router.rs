use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rpcplugin_core::{Noise, ProtocolError};
use rpcplugin_transport::{Accepted, BoxIo, Peer};
use tokio::{
    sync::{Notify, futures::OwnedNotified, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::driver::STREAMS;

/// One life of the broker's stream, as far as the router tells them apart.
pub(crate) type LinkId = u64;

/// Knows for whom the peer's next stream is meant. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Router {
    book: Arc<Mutex<Book>>,
    links: Arc<AtomicU64>,
    /// Somebody began to serve.
    served: Arc<Notify>,
    /// Streams that there is no place for.
    strays: Noise,
    /// Knocks that nobody answers.
    refusals: Noise,
}

/// What the router knows: it neither waits nor does I/O.
#[derive(Debug, Default)]
struct Book {
    channels: HashMap<u32, Channel>,
    /// Answers that were given, in order: each promises a stream.
    expected: VecDeque<Expected>,
    /// Where streams go that nobody knocked for. A host has no such place.
    main: Option<mpsc::Sender<Accepted>>,
    next: u64,
}

#[derive(Debug)]
struct Channel {
    serial: u64,
    streams: mpsc::Sender<BoxIo>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Expected {
    id: u32,
    link: LinkId,
    since: Instant,
}

/// For whom a stream is.
enum Owner {
    Channel(u32, mpsc::Sender<BoxIo>),
    /// It was closed after the answer.
    Closed(u32),
    Main(mpsc::Sender<Accepted>),
    Nobody,
}

/// Where the streams of a session go.
#[derive(Debug)]
pub(super) enum Inbound {
    /// By the book, on behalf of this peer.
    Routed(Router, Peer),
    /// To whoever judges a peer that has not proved itself, the first one only; after that by the
    /// book.
    Judged(Option<mpsc::Sender<BoxIo>>, Arc<Settled>),
}

/// What becomes of a session that was judged.
#[derive(Debug, Default)]
pub(super) struct Settled(std::sync::OnceLock<(Router, Peer)>);

impl Router {
    pub(super) fn new(main: Option<mpsc::Sender<Accepted>>) -> Self {
        let book = Book { main, ..Book::default() };
        Self {
            book: Arc::new(Mutex::new(book)),
            links: Arc::default(),
            served: Arc::default(),
            strays: Noise::default(),
            refusals: Noise::default(),
        }
    }

    /// Begins to take streams in for a number. They end with the receiver, and the place with a
    /// call of [`close`](Self::close).
    pub(super) fn listen(&self, id: u32) -> (u64, mpsc::Receiver<BoxIo>) {
        // As many as can be open at all.
        let (streams, receiver) = mpsc::channel(STREAMS);
        let serial = self.book().listen(id, streams);
        self.served.notify_waiters();
        (serial, receiver)
    }

    pub(super) fn close(&self, id: u32, serial: u64) {
        self.book().close(id, serial);
    }

    /// The broker's stream begins another life.
    pub(super) fn link(&self) -> LinkId {
        self.links.fetch_add(1, Ordering::Relaxed)
    }

    /// Promises the next stream to a number, if somebody serves it; the answer must follow at
    /// once.
    pub(super) fn admit(&self, id: u32, link: LinkId) -> bool {
        self.book().admit(id, link, Instant::now())
    }

    /// How many streams are promised and have not come.
    pub(super) fn promised(&self) -> usize {
        self.book().promised(Instant::now())
    }

    /// Whether somebody serves a number.
    pub(super) fn serves(&self, id: u32) -> bool {
        self.book().channels.contains_key(&id)
    }

    /// No answer on this stream is received any more.
    pub(super) fn forget(&self, link: LinkId) {
        self.book().expected.retain(|expected| expected.link != link);
    }

    /// No answer at all is received any more: the session is another one from here on.
    pub(super) fn forget_all(&self) {
        self.book().expected.clear();
    }

    /// Ends when somebody begins to serve after this call.
    pub(super) fn served(&self) -> OwnedNotified {
        self.served.clone().notified_owned()
    }

    /// The peer opened a stream; `None` if there is no place for it. It gets none either once its
    /// session is closing.
    pub(super) fn route(&self, io: Option<BoxIo>, peer: &Peer, closing: &CancellationToken) {
        let mut book = self.book();
        // Under the lock: promises to the session after it are made later.
        if closing.is_cancelled() {
            return;
        }
        let owner = book.route(Instant::now());
        drop(book);
        let Some(io) = io else {
            if let Some(count) = self.strays.make() {
                tracing::warn!(
                    ?owner,
                    count,
                    "closed a stream: too many connections are multiplexed"
                );
            }
            return;
        };
        // A full queue cannot be: there are as many places as streams. A stream that is dropped
        // is reset.
        match owner {
            Owner::Channel(_, streams) => drop(streams.try_send(io)),
            Owner::Main(main) => drop(main.try_send(Accepted::new(io, peer.clone()))),
            Owner::Closed(id) => tracing::debug!(id, "closed a stream: nobody serves it any more"),
            Owner::Nobody => {
                if let Some(count) = self.strays.make() {
                    tracing::warn!(count, "closed a stream of the plugin that nobody expects");
                }
            }
        }
    }

    /// A knock gets no for an answer.
    pub(super) fn refused(&self, refusal: &ProtocolError) {
        if let Some(count) = self.refusals.make() {
            tracing::warn!(code = refusal.code(), count, "refused a knock: {refusal}");
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // No code that can panic runs under the lock.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// How long a promise holds. Whoever dials opens the stream at once; one that has given up
    /// would otherwise shift all later ones.
    const PROMISE: Duration = Duration::from_secs(10);

    fn listen(&mut self, id: u32, streams: mpsc::Sender<BoxIo>) -> u64 {
        let serial = self.next;
        self.next += 1;
        self.channels.insert(id, Channel { serial, streams });
        serial
    }

    fn close(&mut self, id: u32, serial: u64) {
        if self.channels.get(&id).is_some_and(|channel| channel.serial == serial) {
            self.channels.remove(&id);
        }
    }

    fn admit(&mut self, id: u32, link: LinkId, now: Instant) -> bool {
        let serves = self.channels.contains_key(&id);
        if serves {
            self.expected.push_back(Expected { id, link, since: now });
        }
        serves
    }

    /// How many promises still stand.
    fn promised(&mut self, now: Instant) -> usize {
        while let Some(Expected { id, since, .. }) = self.expected.front()
            && now.duration_since(*since) > Self::PROMISE
        {
            tracing::debug!(id, "a stream that was promised never came");
            self.expected.pop_front();
        }
        self.expected.len()
    }

    fn route(&mut self, now: Instant) -> Owner {
        self.promised(now);
        match self.expected.pop_front() {
            Some(Expected { id, .. }) => match self.channels.get(&id) {
                Some(channel) => Owner::Channel(id, channel.streams.clone()),
                None => Owner::Closed(id),
            },
            None => self.main.clone().map_or(Owner::Nobody, Owner::Main),
        }
    }
}

impl Inbound {
    /// Passes the peer's next stream on; `None` if there is no place for it.
    pub(super) fn route(&mut self, io: Option<BoxIo>, closing: &CancellationToken) {
        match self {
            Self::Routed(router, peer) => router.route(io, peer, closing),
            Self::Judged(first, settled) => match (first.take(), settled.0.get()) {
                (_, Some((router, peer))) => {
                    let (router, peer) = (router.clone(), peer.clone());
                    router.route(io, &peer, closing);
                    *self = Self::Routed(router, peer);
                }
                (Some(judge), None) => drop(io.map(|io| judge.try_send(io))),
                // A host opens one stream, and waits for an answer.
                (None, None) => tracing::debug!("closed a second stream of an unproven peer"),
            },
        }
    }
}

impl Settled {
    pub(super) fn settle(&self, router: Router, peer: Peer) {
        // It is settled once.
        let _ = self.0.set((router, peer));
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(id, _) => write!(f, "Channel({id})"),
            Self::Closed(id) => write!(f, "Closed({id})"),
            Self::Main(_) => f.write_str("Main"),
            Self::Nobody => f.write_str("Nobody"),
        }
    }
}

#[cfg(test)]
mod tests;
