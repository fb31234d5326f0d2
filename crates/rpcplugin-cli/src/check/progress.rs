use std::{
    cell::Cell,
    io::{self, IsTerminal as _, Write as _},
};

/// A line on stderr that tells how far it is, on terminals only; it is gone at the end.
#[derive(Debug)]
pub(crate) struct Progress {
    is_shown: bool,
    done: Cell<usize>,
    of: Cell<usize>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal(), done: Cell::new(0), of: Cell::new(0) }
    }

    pub(crate) fn start(&self, of: usize) {
        self.of.set(of);
        self.show("the line");
    }

    pub(crate) fn done(&self, what: &str) {
        self.done.set(self.done.get() + 1);
        self.show(what);
    }

    fn show(&self, what: &str) {
        let (done, of) = (self.done.get(), self.of.get());
        self.write(&format!("checking: {done} of {of} ({what})"));
    }

    fn write(&self, text: &str) {
        if self.is_shown {
            // Back to the start of the line, and what was there is cleared.
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.write("");
    }
}
