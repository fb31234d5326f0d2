use std::fmt::{self, Display};

use miette::{Diagnostic, LabeledSpan, SourceCode};
use serde_json::{Value, json};

/// What the compiler says of a `.proto` file, with its place.
#[derive(Debug)]
pub(crate) struct ProtoError(protox::Error);

impl ProtoError {
    pub(super) fn new(error: protox::Error) -> Box<Self> {
        Box::new(Self(error))
    }

    /// The file, with the line and column where that is known; both begin with 1.
    pub(crate) fn place(&self) -> Value {
        let label = self.0.labels().and_then(|mut labels| labels.next());
        let place = label.zip(self.0.source_code()).and_then(|(label, source)| {
            let text = source.read_span(label.inner(), 0, 0).ok()?;
            Some((text.line() + 1, text.column() + 1))
        });
        match place {
            Some((line, column)) => {
                json!({ "file": self.0.file(), "line": line, "column": column })
            }
            None => json!({ "file": self.0.file() }),
        }
    }
}

impl Display for ProtoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ProtoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Diagnostic for ProtoError {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new("CLI_PROTO"))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.0.help().or_else(|| {
            Some(Box::new(match self.0.is_file_not_found() {
                true => "name the folder that imports begin at with --include",
                false => "correct the file; nothing was written",
            }))
        })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}
