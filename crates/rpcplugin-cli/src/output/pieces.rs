use std::{
    io::{self, Write},
    thread,
};

use anstream::{AutoStream, ColorChoice, StripStream};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::Output;
use crate::failure::Failure;

/// A result that comes piece by piece, each of which is written at once.
///
/// Whoever writes waits until the one before has been taken, so that a slow reader slows down
/// what is read from the plugin. A thread of its own does it: a write that hangs must not keep
/// the command from hearing a signal.
pub(crate) struct Pieces {
    json: bool,
    colours: bool,
    lines: mpsc::Sender<Vec<u8>>,
    done: oneshot::Receiver<io::Result<()>>,
}

impl Output {
    /// Begins such a result. In JSON each piece is one line.
    pub(crate) fn pieces(&self) -> Result<Pieces, Failure> {
        let (lines, mut taken) = mpsc::channel::<Vec<u8>>(1);
        let (tell, done) = oneshot::channel();
        let write = move || {
            let mut stdout = io::stdout();
            let mut written = Ok(());
            while let Some(line) = taken.blocking_recv() {
                written = stdout.write_all(&line).and_then(|()| stdout.flush());
                if written.is_err() {
                    break;
                }
            }
            let _ = tell.send(written);
        };
        thread::Builder::new().spawn(write).map_err(Failure::system("start threads"))?;
        let colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        Ok(Pieces { json: self.json, colours, lines, done })
    }
}

impl Pieces {
    /// Writes one piece; `false` if nobody reads any longer, or writing failed.
    pub(crate) async fn write(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> bool {
        let mut line = Vec::new();
        // Writing to memory cannot fail.
        let _ = match (self.json, self.colours) {
            (true, _) => writeln!(line, "{}", json()),
            (false, true) => text(&mut line),
            (false, false) => text(&mut StripStream::new(&mut line)),
        };
        self.lines.send(line).await.is_ok()
    }

    /// Waits until nobody reads any longer, as far as that is known.
    pub(crate) async fn closed(&self) {
        self.lines.closed().await;
    }

    /// Waits until everything has been written.
    ///
    /// # Errors
    ///
    /// What kept it from being written; that nobody reads any longer is no error.
    pub(crate) async fn finish(self) -> Result<(), Failure> {
        let Self { lines, done, .. } = self;
        drop(lines);
        match done.await {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::Output(error))
            }
            _ => Ok(()),
        }
    }
}
