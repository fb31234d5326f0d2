use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use anstream::{AutoStream, ColorChoice, StripStream};
use serde_json::Value;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::Output;
use crate::failure::Failure;

/// A result that comes piece by piece, each of which is written at once.
///
/// A thread of its own writes: a write that hangs must not keep the command from hearing a
/// signal.
pub(crate) struct Pieces {
    writer: Writer,
    done: Receiver<io::Result<()>>,
}

/// Where pieces go.
#[derive(Clone)]
pub(crate) struct Writer {
    json: bool,
    /// JSON on many lines.
    pretty: bool,
    colours: bool,
    lines: mpsc::Sender<Option<Vec<u8>>>,
}

impl Output {
    /// Prints a whole result.
    pub(crate) async fn result(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let pieces = self.pieces(1)?;
        let writer = Writer { pretty: true, ..pieces.writer().clone() };
        writer.write(json, text).await;
        pieces.finish().await
    }

    /// Begins a result of many pieces; so many may wait for their reader. In JSON each piece is
    /// one line.
    pub(crate) fn pieces(&self, waiting: usize) -> Result<Pieces, Failure> {
        let (lines, mut taken) = mpsc::channel::<Option<Vec<u8>>>(waiting);
        let (tell, done) = channel();
        let write = move || {
            let mut stdout = io::stdout();
            let mut written = Ok(());
            while let Some(Some(line)) = taken.blocking_recv() {
                written = stdout.write_all(&line).and_then(|()| stdout.flush());
                if written.is_err() {
                    break;
                }
            }
            taken.close();
            let _ = tell.send(written);
        };
        thread::Builder::new().spawn(write).map_err(Failure::system("start threads"))?;
        let colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        Ok(Pieces { writer: Writer { json: self.json, pretty: false, colours, lines }, done })
    }
}

impl Pieces {
    pub(crate) const fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Waits until everything has been written that was given to a writer before, or nobody reads
    /// any longer. No writer may be used after this.
    ///
    /// # Errors
    ///
    /// What kept it from being written; that nobody reads any longer is no error.
    pub(crate) async fn finish(self) -> Result<(), Failure> {
        let Self { writer, done } = self;
        let _ = writer.lines.send(None).await;
        // It comes when the other end of the channel is closed.
        writer.lines.closed().await;
        outcome(done.recv().ok())
    }

    /// The same for a command that ends whatever its reader does, from outside of a runtime.
    pub(crate) fn abandon(self) -> Result<(), Failure> {
        /// Enough for a reader that is there.
        const PATIENCE: Duration = Duration::from_secs(1);
        let begun = Instant::now();
        loop {
            match self.writer.lines.try_send(None) {
                Ok(()) => return outcome(self.done.recv_timeout(PATIENCE).ok()),
                // A reader that is there makes room.
                Err(TrySendError::Full(_)) if begun.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return outcome(self.done.try_recv().ok()),
            }
        }
    }
}

fn outcome(written: Option<io::Result<()>>) -> Result<(), Failure> {
    match written {
        Some(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Output(error))
        }
        _ => Ok(()),
    }
}

impl Writer {
    /// Writes one piece as soon as there is room; `false` if nobody reads any longer, or writing
    /// failed. So a slow reader slows down what is read from the plugin.
    pub(crate) async fn write(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> bool {
        self.lines.send(Some(self.line(json, text))).await.is_ok()
    }

    /// Writes one piece if there is room.
    pub(crate) fn try_write(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> bool {
        self.lines.try_send(Some(self.line(json, text))).is_ok()
    }

    /// Waits until nobody reads any longer, as far as that is known.
    pub(crate) async fn closed(&self) {
        self.lines.closed().await;
    }

    fn line(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Vec<u8> {
        let mut line = Vec::new();
        // Writing to memory cannot fail.
        let _ = match (self.json, self.colours) {
            (true, _) if self.pretty => writeln!(line, "{:#}", json()),
            (true, _) => writeln!(line, "{}", json()),
            (false, true) => text(&mut line),
            (false, false) => text(&mut StripStream::new(&mut line)),
        };
        line
    }
}
