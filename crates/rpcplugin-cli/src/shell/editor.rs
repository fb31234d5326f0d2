//! The prompt.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
};

use rustix::{
    stdio::stdin,
    termios::{OptionalActions, Termios, tcgetattr, tcsetattr},
};
use rustyline::{
    Config, Context, Helper, completion::Completer, error::ReadlineError, highlight::Highlighter,
    hint::Hinter, history::FileHistory, validate::Validator,
};
use tokio::sync::mpsc;

use super::{completion::Names, lines::Typed};
use crate::failure::Failure;

/// The terminal as it was found, and as it is left, also when a signal comes while a line is
/// edited.
pub(super) struct Terminal(Termios);

impl Terminal {
    pub(super) fn note() -> Result<Self, Failure> {
        tcgetattr(stdin())
            .map(Self)
            .map_err(|error| Failure::system("read the terminal's mode")(error.into()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

/// Lines that can be edited, completed and brought back.
pub(super) struct Editor {
    inner: rustyline::Editor<Completion, FileHistory>,
    prompt: String,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(name: &str, names: Names) -> Result<Self, Failure> {
        let config = Config::builder()
            .history_ignore_space(true)
            .completion_type(rustyline::CompletionType::List)
            // It would stay on if a signal ended the shell.
            .bracketed_paste(false)
            .auto_add_history(true)
            .build();
        let failed = |error: ReadlineError| Failure::system("edit lines")(io::Error::other(error));
        let mut inner = rustyline::Editor::with_config(config).map_err(failed)?;
        inner.set_helper(Some(Completion(names)));
        let history = history();
        if let Some(path) = &history {
            // There is none the first time.
            let _ = inner.load_history(path);
        }
        let name = Path::new(name).file_name().map_or(name.into(), |name| name.to_string_lossy());
        Ok(Self { inner, prompt: format!("{name}> "), history })
    }

    pub(super) fn run(mut self, asked: &Receiver<()>, tell: &mpsc::Sender<Result<Typed, Failure>>) {
        while asked.recv().is_ok() {
            let typed = match self.inner.readline(&self.prompt) {
                Ok(line) => {
                    if let Some(path) = &self.history {
                        // What cannot be remembered is not worth a word each time.
                        let _ = self.inner.append_history(path);
                    }
                    Ok(Typed::Line(line))
                }
                Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
                Err(ReadlineError::Eof) => Ok(Typed::End),
                Err(error) => Err(Failure::system("read a line")(io::Error::other(error))),
            };
            if tell.blocking_send(typed).is_err() {
                return;
            }
        }
    }
}

/// Where lines are remembered, in a directory that only the user enters.
fn history() -> Option<PathBuf> {
    let state =
        std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let directory = state.join("rpcplugin");
    DirBuilder::new().recursive(true).mode(0o700).create(&directory).ok()?;
    Some(directory.join("history"))
}

struct Completion(Names);

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.0.complete(line, pos))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}
