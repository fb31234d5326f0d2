use std::{collections::VecDeque, fmt, io, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use rpcplugin_core::Address;
use rpcplugin_transport::{Accepted, BoxIo, Listener, Peer};
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use yamux::Mode;

use super::{
    Multiplexer,
    driver::Session,
    multiplexer::Standing,
    router::{Inbound, Settled},
};

/// Accepts the main connections of a multiplexed one, of which it finds the host's first.
///
/// go-plugin takes whoever connects first. Here a stranger shuts nobody out: the connection of
/// this process's parent is settled on at once; any other must prove itself on its first stream
/// within 2 s ([`Accepted::on_proof`]: TLS where it was agreed on), or is dropped. Until one is
/// settled on, others are taken in; beyond 128 the oldest is dropped. Then the socket is closed.
///
/// Where any process of the user could have proved as much ([`plaintext`](Self::plaintext)), the
/// socket of a Unix address stays for the parent alone until it has come: its connection takes the
/// place of the one that was settled on, and that one is closed.
pub struct MainListener {
    multiplexer: Multiplexer,
    address: Address,
    /// Gone once a connection is settled on for good.
    listener: Option<Box<dyn Listener>>,
    /// How whoever proves itself is settled on.
    standing: Standing,
    /// A connection is settled on.
    settled: bool,
    streams: mpsc::Receiver<Accepted>,
    candidates: JoinSet<()>,
    /// The same, oldest first.
    oldest: VecDeque<AbortHandle>,
    /// First streams of candidates.
    first: (mpsc::Sender<Accepted>, mpsc::Receiver<Accepted>),
}

impl MainListener {
    /// How long a stranger may take to prove itself.
    const PROOF: Duration = Duration::from_secs(2);
    /// How many may try at once: more than a host opens, and few enough to be cheap.
    const CANDIDATES: usize = 128;

    pub(super) fn new(
        multiplexer: Multiplexer,
        listener: Box<dyn Listener>,
        streams: mpsc::Receiver<Accepted>,
    ) -> Self {
        Self {
            multiplexer,
            address: listener.address(),
            listener: Some(listener),
            standing: Standing::Final,
            settled: false,
            streams,
            candidates: JoinSet::new(),
            oldest: VecDeque::new(),
            first: mpsc::channel(Self::CANDIDATES),
        }
    }

    /// Nothing but its first bytes proves a connection that is not the parent's.
    #[must_use]
    pub fn plaintext(mut self) -> Self {
        // Elsewhere the system does not tell whose connection it is.
        if cfg!(unix) && matches!(self.address, Address::Unix(_)) {
            self.standing = Standing::Provisional;
        }
        self
    }

    async fn next(&mut self) -> io::Result<Accepted> {
        loop {
            let Self { multiplexer, listener, candidates, settled, .. } = self;
            if let Some(standing) = multiplexer.standing()
                && listener.is_some()
            {
                // Strangers go, with the socket if it is for nobody any more.
                candidates.abort_all();
                *settled = true;
                if standing == Standing::Final {
                    *listener = None;
                }
            }
            let searching = !*settled;
            let connecting = async {
                match listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(accepted) = self.streams.recv() => return Ok(accepted),
                Some(accepted) = self.first.1.recv() => return Ok(accepted),
                Some(_) = candidates.join_next() => {}
                () = multiplexer.settled(), if searching => {}
                connected = connecting => {
                    let connected = connected?;
                    self.connected(connected);
                }
            }
        }
    }

    fn connected(&mut self, Accepted { io, peer, .. }: Accepted) {
        let multiplexer = self.multiplexer.clone();
        if is_parent(&peer) {
            let inbound = Inbound::Routed(multiplexer.router().clone(), peer);
            let session = multiplexer.start(io, Mode::Server, inbound);
            multiplexer.settle(session.clone(), Standing::Final);
            // It ends here if another one was settled on meanwhile.
            drop(Candidate { session, multiplexer });
            return;
        }
        if self.settled {
            tracing::debug!("dropped a connection: another one was settled on");
            return;
        }
        let judging = judge(multiplexer, io, peer, self.first.0.clone(), self.standing);
        self.oldest.retain(|candidate| !candidate.is_finished());
        self.oldest.push_back(self.candidates.spawn(judging));
        // Whoever connects often and says nothing shuts nobody out.
        if self.oldest.len() > Self::CANDIDATES
            && let Some(oldest) = self.oldest.pop_front()
        {
            oldest.abort();
        }
    }
}

impl Listener for MainListener {
    /// That of the socket.
    fn address(&self) -> Address {
        self.address.clone()
    }

    /// Stays pending once the connection is lost: see [`Multiplexer::ended`].
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(self.next())
    }
}

impl fmt::Debug for MainListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MainListener")
            .field("address", &self.address)
            .field("searching", &self.listener.is_some())
            .finish_non_exhaustive()
    }
}

/// Settles on a connection if its first stream proves itself in time, and drops it if not.
async fn judge(
    multiplexer: Multiplexer,
    io: BoxIo,
    peer: Peer,
    first: mpsc::Sender<Accepted>,
    standing: Standing,
) {
    let settled = Arc::new(Settled::default());
    let (sender, mut stream) = mpsc::channel(1);
    let inbound = Inbound::Judged(Some(sender), settled.clone());
    let session = multiplexer.start(io, Mode::Server, inbound);
    let candidate = Candidate { session: session.clone(), multiplexer: multiplexer.clone() };
    let proving = async {
        let io = stream.recv().await?;
        let (proved, proof) = oneshot::channel();
        let (router, judged) = (multiplexer.router().clone(), peer.clone());
        let accepted = Accepted::new(io, peer).on_proof(move || {
            // In this order: what the peer does next must find the book.
            settled.settle(router, judged);
            multiplexer.settle(session, standing);
            let _ = proved.send(());
        });
        first.send(accepted).await.ok()?;
        proof.await.ok()
    };
    if timeout(MainListener::PROOF, proving).await.ok().flatten().is_none() {
        tracing::debug!("dropped a connection that did not prove itself");
    }
    drop(candidate);
}

/// A connection that ends unless it was settled on.
struct Candidate {
    session: Session,
    multiplexer: Multiplexer,
}

impl Drop for Candidate {
    fn drop(&mut self) {
        self.multiplexer.give_up(&self.session);
    }
}

/// Whether this is the process that started this one, and nobody else: a host that starts its
/// plugins through another program proves itself like a stranger.
fn is_parent(peer: &Peer) -> bool {
    #[cfg(unix)]
    {
        peer.pid() == Some(std::os::unix::process::parent_id()) && peer.is_same_user()
    }
    #[cfg(not(unix))]
    {
        let _ = peer;
        false
    }
}
