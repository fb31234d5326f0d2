/// Whether the lines at hand belong to a panic or a traceback.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PanicState {
    /// Lines that may still belong to it.
    left: usize,
    /// The last line did.
    within: bool,
}

impl PanicState {
    /// Lines that follow the first at most.
    pub(super) const MOST: usize = 200;

    /// Whether a plain line belongs to a panic, because it begins one or follows.
    pub(super) fn holds(&mut self, line: &[u8]) -> bool {
        if begins_panic(line) {
            self.left = Self::MOST;
            self.within = true;
        } else {
            self.within = self.left > 0;
            self.left = self.left.saturating_sub(1);
        }
        self.within
    }

    /// Whether the last line belonged to a panic.
    pub(super) fn is_within(self) -> bool {
        self.within
    }

    /// Something else was logged.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

/// Whether a line is the first of a panic or traceback of Go, Rust or Python.
pub(super) fn begins_panic(line: &[u8]) -> bool {
    const PANICKED: &[u8] = b"panicked at";
    [&b"panic: "[..], b"fatal error: ", b"Traceback (most recent call last)"]
        .iter()
        .any(|start| line.starts_with(start))
        || line.starts_with(b"thread '")
            && line.windows(PANICKED.len()).any(|window| window == PANICKED)
}
