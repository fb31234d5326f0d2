use std::time::Instant;

use rpcplugin_core::limits;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber as _;

use super::{
    courier::Courier,
    line_reader::LineReader,
    pieces::{Piece, Pieces},
    pipe::{Pipe, read_all},
    rate::{Lost, Rate},
    tail::Tail,
};
use crate::logs;

/// Bytes of stray output that are reported in a second.
const ALLOWANCE: usize = 8 * 1024;
/// Lines of stray output that are kept for the crash report.
const TAIL_LINES: usize = 10;

/// Reads a plugin's stdout for the rest of its life, so that the plugin never blocks on it, and
/// reports what comes as warnings.
///
/// The task ends when the pipe does, or soon after `ended` is cancelled.
pub(crate) fn drain_stdout<P: Pipe>(
    reader: LineReader<P>,
    name: String,
    ended: CancellationToken,
) -> (Tail, JoinHandle<()>) {
    let tail = Tail::new(TAIL_LINES);
    let task = drain(reader, name, ended, tail.clone());
    (tail, tokio::spawn(task.with_current_subscriber()))
}

async fn drain(reader: LineReader<impl Pipe>, name: String, ended: CancellationToken, tail: Tail) {
    let completion = tail.complete_on_drop();
    let warnings = Courier::start(async move |mut inbox| {
        while let Some((lost, line)) = inbox.next().await {
            logs::guarded(|| warn(&name, lost, line));
        }
    });
    let mut pieces = Pieces::new(limits::REPORT_LINE);
    let mut rate = Rate::new(ALLOWANCE);
    let mut take = |piece: Piece| {
        let (Piece::Line(bytes) | Piece::Part(bytes)) = piece;
        if bytes.is_empty() {
            return;
        }
        tail.push(&bytes);
        if let Some(lost) = rate.admit(bytes.len(), Instant::now()) {
            warnings.offer(bytes.len(), (lost, Some(bytes)));
        }
    };
    let (mut pipe, read_before) = reader.into_parts();
    pieces.feed(&read_before, &mut take);
    read_all(&mut pipe, &ended, |bytes| pieces.feed(bytes, &mut take)).await;
    pieces.end(&mut take);
    drop(completion);
    warnings.offer(0, (rate.take_lost(), None));
    warnings.settle().await;
}

fn warn(name: &str, lost: Lost, line: Option<Vec<u8>>) {
    if lost.pieces > 0 {
        logs::lost(name, "stdout", lost.pieces, lost.bytes);
    }
    if let Some(line) = line {
        logs::stray(name, &line);
    }
}
