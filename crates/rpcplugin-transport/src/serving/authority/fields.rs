/// Follows the fields of one header block as HPACK writes them (RFC 7541, section 6), without
/// decoding: lengths are enough to find the one value of interest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    at: At,
    /// The name of the present field is `:authority`.
    authority: bool,
    /// The block has the field, whole.
    found: bool,
    /// And its value had to be changed.
    mended: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    /// Before a field.
    #[default]
    Start,
    /// In an integer that needs more than its first byte.
    Integer { value: usize, shift: u32, of: Number },
    /// Before the length of a name or a value.
    Length(Text),
    /// In a name or a value.
    Text { left: usize, plain: bool, what: Text, seen: usize },
    /// Lost; the library says what is wrong.
    Lost,
}

#[derive(Clone, Copy, Debug)]
enum Number {
    /// An index that stands for a whole field, or the size of the table.
    Whole,
    /// The index of a name; a value follows.
    Name,
    Length {
        plain: bool,
        what: Text,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Text {
    Name,
    Value,
}

/// `:authority` in the static table.
const AUTHORITY_INDEX: usize = 1;
const AUTHORITY: &[u8] = b":authority";

impl Fields {
    pub(super) fn pass(&mut self, byte: &mut u8) {
        match &mut self.at {
            At::Start => self.begin(*byte),
            At::Integer { value, shift, of } => {
                if *shift > 21 {
                    self.at = At::Lost;
                    return;
                }
                *value += usize::from(*byte & 0x7f) << *shift;
                *shift += 7;
                if *byte & 0x80 == 0 {
                    let (value, of) = (*value, *of);
                    self.complete(value, of);
                }
            }
            At::Length(what) => {
                let of = Number::Length { plain: *byte & 0x80 == 0, what: *what };
                self.number(*byte, 7, of);
            }
            At::Text { left, plain, what, seen } => {
                match what {
                    Text::Name => self.authority &= AUTHORITY.get(*seen) == Some(byte),
                    Text::Value if self.authority && *plain && *byte == b'%' => {
                        *byte = b'.';
                        self.mended = true;
                    }
                    Text::Value => {}
                }
                *left -= 1;
                *seen += 1;
                let (left, what) = (*left, *what);
                if left == 0 {
                    self.ended(what);
                }
            }
            At::Lost => {}
        }
    }

    /// Whether what was passed is a whole block with a legal `:authority`.
    pub(super) fn are_clean(&self) -> bool {
        matches!(self.at, At::Start) && self.found && !self.mended
    }

    fn begin(&mut self, byte: u8) {
        match byte {
            0x80.. => self.number(byte, 7, Number::Whole),
            0x40.. => self.number(byte, 6, Number::Name),
            0x20.. => self.number(byte, 5, Number::Whole),
            _ => self.number(byte, 4, Number::Name),
        }
    }

    /// An integer that begins in the low `bits` of a byte.
    fn number(&mut self, byte: u8, bits: u32, of: Number) {
        let most = (1_usize << bits) - 1;
        match usize::from(byte) & most {
            value if value == most => self.at = At::Integer { value, shift: 0, of },
            value => self.complete(value, of),
        }
    }

    fn complete(&mut self, value: usize, of: Number) {
        self.at = match of {
            Number::Whole => At::Start,
            Number::Name if value == 0 => At::Length(Text::Name),
            Number::Name => {
                self.authority = value == AUTHORITY_INDEX;
                At::Length(Text::Value)
            }
            Number::Length { plain, what } => {
                if what == Text::Name {
                    self.authority = plain && value == AUTHORITY.len();
                }
                if value == 0 {
                    return self.ended(what);
                }
                At::Text { left: value, plain, what, seen: 0 }
            }
        };
    }

    fn ended(&mut self, what: Text) {
        self.found |= self.authority && what == Text::Value;
        self.at = match what {
            Text::Name => At::Length(Text::Value),
            Text::Value => At::Start,
        };
    }
}
