use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::AsyncWrite as FuturesWrite;
use rpcplugin_core::{Error, TransportError};
use rpcplugin_transport::BoxIo;
use tokio::{
    io::{AsyncWrite as _, BufStream},
    sync::{
        OwnedMutexGuard, OwnedSemaphorePermit, Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender},
        oneshot,
    },
    time::timeout,
};
use tokio_util::{
    compat::{FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _},
    sync::CancellationToken,
};
use yamux::{Connection, ConnectionError, Mode, Stream};

use super::{
    counted::Counted,
    router::Inbound,
    syn::{Opened, Watched},
};

/// A stream that is to be opened. It is opened whether or not anybody waits for it, and closed at
/// once if nobody does.
pub(super) struct Open {
    pub(super) reply: oneshot::Sender<Result<BoxIo, Error>>,
    /// Given back once the stream's first frame is on the wire.
    pub(super) turn: Option<OwnedMutexGuard<()>>,
    /// Given back once the stream is closed. One that is closed at once needs none.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// One yamux session: where streams are asked for, and whether it has ended.
#[derive(Clone, Debug)]
pub(super) struct Session {
    opens: UnboundedSender<Open>,
    /// Asks for its end, once what streams have sent is on its way.
    pub(super) closing: CancellationToken,
    pub(super) ended: CancellationToken,
}

impl Session {
    /// A session over this connection, and the future that drives it. Dropping that future ends
    /// the session.
    pub(super) fn new(
        io: BoxIo,
        mode: Mode,
        inbound: Inbound,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        // As many wait here as there are turns, and late answers, of which the book of answers
        // bounds the number.
        let (opens, asked) = tokio::sync::mpsc::unbounded_channel();
        let (closing, ended) = (CancellationToken::new(), CancellationToken::new());
        let session = Self { opens, closing: closing.clone(), ended: ended.clone() };
        let ends = ended.drop_guard();
        let driving = async move {
            let _ends = ends;
            let (io, opened) = Watched::new(io);
            let mut connection = Connection::new(
                BufStream::with_capacity(BUFFER, BUFFER, io).compat(),
                config(),
                mode,
            );
            let mut driver = Driver {
                inbound,
                closing: closing.clone(),
                places: Arc::new(Semaphore::new(STREAMS)),
                asked,
                opened,
                waiting: VecDeque::new(),
                opening: None,
            };
            let driving = poll_fn(|cx| driver.poll(&mut connection, cx));
            if let Some(reason) = closing.run_until_cancelled(driving).await {
                tracing::debug!(%reason, "the multiplexed connection ended");
                return;
            }
            // A peer that reads nothing holds nobody up.
            let _ = timeout(LAST_WORDS, poll_fn(|cx| connection.poll_close(cx))).await;
        };
        (session, driving)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.opens.same_channel(&other.opens)
    }

    /// Asks for a stream.
    pub(super) fn open(&self, open: Open) {
        if let Err(unsent) = self.opens.send(open) {
            // Nobody may wait for it any more.
            let _ = unsent.0.reply.send(Err(lost()));
        }
    }
}

/// What the task of a session keeps beside the connection.
struct Driver {
    inbound: Inbound,
    /// The session's.
    closing: CancellationToken,
    /// For streams of the peer.
    places: Arc<Semaphore>,
    asked: UnboundedReceiver<Open>,
    opened: Opened,
    /// Asked for, and not begun.
    waiting: VecDeque<Open>,
    /// Begun, and not yet on the wire.
    opening: Option<(Open, Stream)>,
}

impl Driver {
    /// Moves everything that can move. Pings are answered in here too.
    fn poll<T>(
        &mut self,
        connection: &mut Connection<T>,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionError>
    where
        T: futures_util::AsyncRead + FuturesWrite + Unpin,
    {
        loop {
            while let Poll::Ready(Some(open)) = self.asked.poll_recv(cx) {
                self.waiting.push_back(open);
            }
            if let Poll::Ready(reason) = self.begin(connection, cx) {
                return Poll::Ready(reason);
            }
            match connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(mut stream))) => {
                    // The peer's library may give up on streams that nobody acknowledges.
                    if mark(&mut stream, cx).is_ok() {
                        // Without a place it is closed, and takes up its promise all the same.
                        let place = self.places.clone().try_acquire_owned().ok();
                        let io = place.map(|place| Counted::boxed(stream, place));
                        self.inbound.route(io, &self.closing);
                    }
                    continue;
                }
                Poll::Ready(Some(Err(reason))) => return Poll::Ready(reason),
                Poll::Ready(None) => return Poll::Ready(ConnectionError::Closed),
                Poll::Pending => {}
            }
            // Frames are written in the call above and nowhere else, so nobody else need wake
            // this task for it.
            match self.opening.take_if(|(_, stream)| self.opened.last() == stream.id().val()) {
                Some((open, stream)) => finish(open, stream, cx),
                None => return Poll::Pending,
            }
        }
    }

    /// Begins the next stream, one at a time.
    fn begin<T>(
        &mut self,
        connection: &mut Connection<T>,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionError>
    where
        T: futures_util::AsyncRead + FuturesWrite + Unpin,
    {
        if self.opening.is_some() || self.waiting.is_empty() {
            return Poll::Pending;
        }
        match connection.poll_new_outbound(cx) {
            Poll::Ready(Ok(mut stream)) => {
                if let Some(open) = self.waiting.pop_front() {
                    match mark(&mut stream, cx) {
                        Ok(()) => self.opening = Some((open, stream)),
                        Err(error) => drop(open.reply.send(Err(unopened(error)))),
                    }
                }
            }
            Poll::Ready(Err(reason)) => return Poll::Ready(reason),
            // It waits for acknowledgements, and is woken by them.
            Poll::Pending => {}
        }
        Poll::Pending
    }
}

/// Queues an empty frame, which carries what the first frame of a stream has to: it opens the
/// stream, or acknowledges it.
fn mark(stream: &mut Stream, cx: &mut Context<'_>) -> io::Result<()> {
    match FuturesWrite::poll_write(Pin::new(stream), cx, &[]) {
        Poll::Ready(written) => written.map(drop),
        // A new stream has room in its queue and in its window.
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// Hands an opened stream out, or closes it if nobody wants it any more.
fn finish(Open { reply, turn, place }: Open, stream: Stream, cx: &mut Context<'_>) {
    drop(turn);
    let io = match place {
        Some(place) => Counted::boxed(stream, place),
        None => Box::new(stream.compat()),
    };
    if let Err(Ok(mut unwanted)) = reply.send(Ok(io)) {
        // Orderly, so that the peer sees an end and no reset. What is queued goes out.
        let _ = Pin::new(&mut unwanted).poll_shutdown(cx);
    }
}

/// What it means to who wants a stream that there is no place for one.
pub(super) fn full() -> Error {
    let source = io::Error::other("too many connections are multiplexed").into();
    TransportError::Resources { source }.into()
}

/// What a lost session means to who wants a stream of it.
pub(super) fn lost() -> Error {
    let detail = "the multiplexed connection is lost".to_owned();
    TransportError::Disconnected { detail, source: None }.into()
}

fn unopened(error: io::Error) -> Error {
    let detail = "a stream of the multiplexed connection could not be opened".to_owned();
    TransportError::Disconnected { detail, source: Some(error.into()) }.into()
}

fn config() -> yamux::Config {
    let mut config = yamux::Config::default();
    // In this order: the setters refuse a window that is too small for the number of streams.
    config.set_max_num_streams(UNREACHED);
    config.set_max_connection_receive_window(Some(WINDOW));
    config
}

/// Streams that each side may have opened: as many as wait for an acknowledgement at most.
pub(super) const STREAMS: usize = 256;

/// Beyond what the two sides have places for, with room for streams that have just been closed:
/// the library ends the whole session when it counts too many.
const UNREACHED: usize = 4 * STREAMS;

/// The least that so many streams need, so that no stream's window grows beyond its first one.
const WINDOW: usize = UNREACHED * yamux::DEFAULT_CREDIT as usize;

/// A frame of yamux and its header, so that they take one system call.
const BUFFER: usize = 32 * 1024;

/// Time for what streams have sent, when a session is closed.
const LAST_WORDS: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
