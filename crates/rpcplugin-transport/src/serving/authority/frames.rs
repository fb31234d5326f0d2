use super::fields::Fields;

/// Follows the frames of a connection and shows the header blocks in them to [`Fields`].
#[derive(Debug, Default)]
pub(super) struct Frames {
    at: At,
    /// What comes of the present frame's payload after the fragment: padding.
    padding: usize,
    fields: Fields,
    /// The peer needs no help.
    done: bool,
}

#[derive(Debug)]
enum At {
    /// In a frame's own header, of which so much is known.
    Header { bytes: [u8; HEADER], have: usize },
    /// In front of a fragment: the length of the padding, then priority bytes.
    Prologue { padded: bool, priority: usize, payload: usize, last: bool },
    /// In a fragment of a header block.
    Fragment { left: usize, last: bool },
    /// In bytes of no interest.
    Skipped { left: usize },
}

impl Default for At {
    fn default() -> Self {
        Self::Header { bytes: [0; HEADER], have: 0 }
    }
}

const HEADER: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

impl Frames {
    /// Follows the next bytes, and mends what needs it in place.
    pub(super) fn pass(&mut self, mut data: &mut [u8]) {
        loop {
            self.settle();
            if self.done {
                return;
            }
            let taken = match (&mut self.at, &mut *data) {
                (_, []) => return,
                (At::Header { bytes, have }, [byte, ..]) => {
                    // Fewer than HEADER, or `settle` had moved on.
                    bytes[*have] = *byte;
                    *have += 1;
                    1
                }
                (At::Prologue { padded, priority, payload, .. }, [byte, ..]) => {
                    *payload -= 1;
                    if std::mem::take(padded) {
                        self.padding = usize::from(*byte);
                    } else {
                        *priority -= 1;
                    }
                    1
                }
                (At::Fragment { left, .. }, data) => {
                    let now = data.len().min(*left);
                    *left -= now;
                    data[..now].iter_mut().for_each(|byte| self.fields.pass(byte));
                    now
                }
                (At::Skipped { left }, data) => {
                    let now = data.len().min(*left);
                    *left -= now;
                    now
                }
            };
            data = &mut data[taken..];
        }
    }

    /// Moves on until the present part has bytes to come.
    fn settle(&mut self) {
        loop {
            self.at = match self.at {
                At::Header { bytes, have: HEADER } => Self::opened(bytes),
                At::Prologue { padded: false, priority: 0, payload, last } => {
                    // A frame that promises more padding than it holds is the library's to refuse.
                    self.padding = self.padding.min(payload);
                    At::Fragment { left: payload - self.padding, last }
                }
                At::Prologue { payload: 0, .. } | At::Skipped { left: 0 } => At::default(),
                At::Fragment { left: 0, last } => {
                    if last {
                        self.done |= self.fields.are_clean();
                        self.fields = Fields::default();
                    }
                    At::Skipped { left: std::mem::take(&mut self.padding) }
                }
                _ => return,
            };
        }
    }

    fn opened(header: [u8; HEADER]) -> At {
        let [high, middle, low, kind, flags, ..] = header;
        let payload = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let last = flags & END_HEADERS != 0;
        match kind {
            HEADERS => {
                let priority = if flags & PRIORITY == 0 { 0 } else { 5 };
                At::Prologue { padded: flags & PADDED != 0, priority, payload, last }
            }
            CONTINUATION => At::Fragment { left: payload, last },
            _ => At::Skipped { left: payload },
        }
    }
}
