//! Where lines come from: a prompt on a terminal, or whatever stdin is.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _},
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use tokio::sync::mpsc;

use super::completion::Names;
use crate::failure::Failure;

/// What came.
pub(super) enum Typed {
    Line(String),
    /// Ctrl-C at the prompt.
    Interrupted,
    End,
}

/// Lines that are read by a thread of their own, one when it is asked for.
pub(super) struct Lines {
    ask: Sender<()>,
    /// Whether one has been asked for that has not come.
    asked: bool,
    typed: mpsc::Receiver<Result<Typed, Failure>>,
    #[cfg(unix)]
    terminal: Option<super::editor::Terminal>,
}

impl Lines {
    pub(super) fn open(name: &str, names: Names) -> Result<Self, Failure> {
        let (ask, asked) = channel();
        let (tell, typed) = mpsc::channel(1);
        let spawn = |read: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().spawn(read).map_err(Failure::system("start threads"))
        };
        #[cfg(unix)]
        if are_typed() {
            let terminal = super::editor::Terminal::note()?;
            let editor = super::editor::Editor::new(name, names)?;
            spawn(Box::new(move || editor.run(&asked, &tell)))?;
            return Ok(Self { ask, asked: false, typed, terminal: Some(terminal) });
        }
        let _ = (name, names);
        spawn(Box::new(move || read(&asked, &tell)))?;
        Ok(Self {
            ask,
            asked: false,
            typed,
            #[cfg(unix)]
            terminal: None,
        })
    }

    pub(super) const fn is_interactive(&self) -> bool {
        #[cfg(unix)]
        return self.terminal.is_some();
        #[cfg(not(unix))]
        return false;
    }

    /// The next one. Dropping the future loses none.
    pub(super) async fn next(&mut self) -> Result<Typed, Failure> {
        if !self.asked {
            self.asked = self.ask.send(()).is_ok();
        }
        let typed = self.typed.recv().await;
        self.asked = false;
        typed.unwrap_or(Ok(Typed::End))
    }
}

/// Whether there is a prompt at which somebody types.
pub(super) fn are_typed() -> bool {
    cfg!(unix) && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Reads stdin as it is.
fn read(asked: &Receiver<()>, tell: &mpsc::Sender<Result<Typed, Failure>>) {
    /// As of the parameters of one call.
    const LONGEST: u64 = 64 * 1024 * 1024;
    while asked.recv().is_ok() {
        let mut line = Vec::new();
        let count = io::stdin().lock().take(LONGEST).read_until(b'\n', &mut line);
        let typed = match count.map_err(Failure::reading(Path::new("-"))) {
            Ok(0) => Ok(Typed::End),
            Ok(_) => Ok(Typed::Line(String::from_utf8_lossy(&line).into_owned())),
            Err(failure) => Err(failure),
        };
        if tell.blocking_send(typed).is_err() {
            return;
        }
    }
}
