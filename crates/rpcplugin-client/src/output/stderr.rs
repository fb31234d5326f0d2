use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rpcplugin_core::limits;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber as _;

use super::{
    courier::{Courier, Inbox},
    pieces::{Piece, Pieces, middle},
    pipe::{Pipe, read_all},
    rate::{Lost, Rate},
    tail::Tail,
};
use crate::{
    live::Live,
    logs::{self, Entry, Journal},
};

/// Where the unparsed bytes go, if anybody wants them.
pub(crate) type RawSink = Box<dyn AsyncWrite + Send + Unpin>;

/// How a plugin's stderr is read.
pub(crate) struct StderrOptions {
    /// Under which name its lines appear in the log.
    pub(crate) name: String,
    /// How many lines are kept for crash reports.
    pub(crate) tail_lines: usize,
    pub(crate) raw: Option<RawSink>,
    /// Which lines are passed on.
    pub(crate) live: Arc<Live>,
}

/// Reads a plugin's stderr for its whole life and passes it on as log events.
///
/// The task ends when the pipe does, or soon after `ended` is cancelled. A log or sink that is
/// slow or panics loses lines, which are counted, and holds nothing up.
pub(crate) fn relay_stderr<P: Pipe>(
    stderr: P,
    options: StderrOptions,
    ended: CancellationToken,
) -> (Tail, JoinHandle<()>) {
    let tail = Tail::new(options.tail_lines);
    let task = relay(stderr, options, ended, tail.clone());
    (tail, tokio::spawn(task.with_current_subscriber()))
}

/// What the log's task gets.
enum Item {
    Piece(Piece),
    /// Something of this stream was left out.
    Lost(&'static str, Lost),
}

async fn relay(
    mut stderr: impl Pipe,
    options: StderrOptions,
    ended: CancellationToken,
    tail: Tail,
) {
    let completion = tail.complete_on_drop();
    let StderrOptions { name, tail_lines, raw, live } = options;
    let mut relay = Relay {
        tail,
        tail_lines,
        log: Courier::start(move |inbox| write_log(name, live, inbox)),
        raw: raw.map(|sink| Courier::start(move |inbox| write_raw(sink, inbox))),
        raw_lost: Lost::default(),
        pieces: Pieces::new(limits::LOG_LINE),
        rate: Rate::new(Rate::OF_A_LOG),
    };
    read_all(&mut stderr, &ended, |bytes| relay.take(bytes)).await;
    relay.end(completion).await;
}

struct Relay {
    tail: Tail,
    tail_lines: usize,
    log: Courier<Item>,
    raw: Option<Courier<Vec<u8>>>,
    raw_lost: Lost,
    pieces: Pieces,
    rate: Rate,
}

impl Relay {
    fn take(&mut self, bytes: &[u8]) {
        if let Some(raw) = &self.raw
            && !raw.offer(bytes.len(), bytes.to_vec())
        {
            self.raw_lost.add(bytes.len());
        }
        // In a flood most lines are neither logged nor kept; they are only counted, because to
        // take each apart would cost the host a processor.
        if self.rate.is_spent(Instant::now())
            && let Some(middle) = middle(bytes, self.tail_lines)
        {
            let (start, end) = (middle.start, middle.end);
            self.rate.lose(&bytes[middle]);
            self.feed(&bytes[..start]);
            self.feed(&bytes[end..]);
        } else {
            self.feed(bytes);
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let Self { tail, log, pieces, rate, .. } = self;
        pieces.feed(bytes, |piece| log_piece(piece, tail, rate, log));
    }

    async fn end(self, completion: impl Drop) {
        let Self { tail, log, raw, raw_lost, mut pieces, mut rate, .. } = self;
        pieces.end(|piece| log_piece(piece, &tail, &mut rate, &log));
        drop(completion);
        offer_lost(&log, "stderr", rate.take_lost());
        offer_lost(&log, "raw stderr", raw_lost);
        log.settle().await;
        if let Some(raw) = raw {
            raw.settle().await;
        }
    }
}

fn log_piece(piece: Piece, tail: &Tail, rate: &mut Rate, log: &Courier<Item>) {
    let (Piece::Line(bytes) | Piece::Part(bytes)) = &piece;
    // Also when it is not logged: the last words matter most.
    tail.push(bytes);
    let length = bytes.len();
    if let Some(lost) = rate.admit(length, Instant::now()) {
        offer_lost(log, "stderr", lost);
        log.offer(length, Item::Piece(piece));
    }
}

fn offer_lost(log: &Courier<Item>, stream: &'static str, lost: Lost) {
    if lost.pieces > 0 {
        log.offer(0, Item::Lost(stream, lost));
    }
}

async fn write_log(name: String, live: Arc<Live>, mut inbox: Inbox<Item>) {
    /// A backtrace comes in bursts, while the symbols of its frames are looked up.
    const QUIET: Duration = Duration::from_millis(500);
    let emit = |entry: &Entry| {
        if live.passes(entry.level) {
            logs::guarded(|| logs::emit(&name, entry));
        }
    };
    let mut journal = Journal::default();
    loop {
        let item = match journal.is_open() {
            true => timeout(QUIET, inbox.next()).await,
            false => Ok(inbox.next().await),
        };
        match item {
            Ok(Some(Item::Piece(Piece::Line(line)))) => journal.line(&line, emit),
            Ok(Some(Item::Piece(Piece::Part(part)))) => journal.part(&part, emit),
            Ok(Some(Item::Lost(stream, lost))) => {
                journal.end(emit);
                logs::guarded(|| logs::lost(&name, stream, lost.pieces, lost.bytes));
            }
            Ok(None) => return journal.end(emit),
            Err(_quiet) => journal.end(emit),
        }
    }
}

/// A sink that fails is not written to again.
async fn write_raw(mut sink: RawSink, mut inbox: Inbox<Vec<u8>>) {
    while let Some(bytes) = inbox.next().await {
        if sink.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = sink.flush().await;
}
