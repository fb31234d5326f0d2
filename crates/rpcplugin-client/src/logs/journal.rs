use rpcplugin_core::limits;

use super::{Entry, PanicState, parse, unparsed};

/// Makes entries of lines: one of each, and one of all the lines of a panic or traceback.
///
/// **Invariant:** an entry of several lines holds no more than [`PanicState::MOST`] beside the
/// first and no more than a log line's bytes; each line but the first is indented, so that none
/// can pass for a record of its own.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    state: PanicState,
    panic: Option<Panic>,
}

#[derive(Debug)]
struct Panic {
    entry: Entry,
    /// Lines beside the first.
    lines: usize,
}

impl Journal {
    /// Takes one whole line, and gives what is complete with it.
    pub(crate) fn line(&mut self, line: &[u8], mut give: impl FnMut(&Entry)) {
        let entry = parse(line, &mut self.state);
        if !self.state.is_within() {
            self.end(&mut give);
            give(&entry);
        } else if let Some(panic) = self.panic.as_mut().filter(|panic| panic.has_room(&entry)) {
            panic.push(&entry);
        } else {
            self.end(give);
            self.panic = Some(Panic { entry, lines: 0 });
        }
    }

    /// Takes a part of a line that is too long to be read.
    pub(crate) fn part(&mut self, part: &[u8], mut give: impl FnMut(&Entry)) {
        self.end(&mut give);
        give(&unparsed(part));
    }

    /// Gives a panic whose end is not known; what follows is an entry of its own.
    pub(crate) fn end(&mut self, mut give: impl FnMut(&Entry)) {
        if let Some(Panic { entry, .. }) = self.panic.take() {
            give(&entry);
        }
    }

    /// Whether more lines may belong to what was taken.
    pub(crate) fn is_open(&self) -> bool {
        self.panic.is_some()
    }
}

impl Panic {
    const INDENT: &str = "\n    ";

    fn has_room(&self, next: &Entry) -> bool {
        let length = self.entry.message.len() + Self::INDENT.len() + next.message.len();
        self.lines < PanicState::MOST && length <= limits::LOG_LINE
    }

    fn push(&mut self, next: &Entry) {
        self.entry.message.push_str(Self::INDENT);
        self.entry.message.push_str(&next.message);
        self.lines += 1;
    }
}
