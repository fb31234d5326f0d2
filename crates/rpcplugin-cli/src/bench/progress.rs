use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// A bar on a terminal, which goes when it is dropped; nothing elsewhere and in JSON.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(out: &Output, text: &str, length: u64) -> Self {
        if !out.is_for_people() || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(length).with_message(text.to_owned());
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {percent}% {elapsed}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }

    pub(super) fn at(&self, position: u64) {
        self.0.set_position(position);
    }

    pub(super) fn is_shown(&self) -> bool {
        !self.0.is_hidden()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
