use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use anstream::{AutoStream, ColorChoice};
use miette::{Diagnostic, MietteHandler, MietteHandlerOpts, ReportHandler as _};
use serde_json::{Value, json};

use crate::failure::Failure;

mod pieces;

pub(crate) use self::pieces::{Pieces, Writer};

/// What a command that worked found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Yes,
    No,
}

impl Answer {
    pub(crate) const fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::FAILURE,
        }
    }
}

/// Where results and errors go, and in which form.
///
/// Colours are for terminals: `NO_COLOR` turns them off there, `CLICOLOR_FORCE` on elsewhere.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the answers are for reading.
    pub(crate) const fn is_for_people(&self) -> bool {
        !self.json
    }

    /// Prints the result in the form that was asked for.
    pub(crate) fn show(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut stdout = io::BufWriter::new(anstream::stdout().lock());
        let written = match self.json {
            true => writeln!(stdout, "{:#}", json()),
            false => text(&mut stdout),
        };
        match written.and_then(|()| stdout.flush()) {
            // Whoever reads has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done.map_err(Failure::Output),
        }
    }

    /// Prints what a person should know besides the result; in JSON it is part of that.
    pub(crate) fn remark(&self, text: impl fmt::Display) {
        if !self.json {
            // Nothing is to be done about a stderr that is gone.
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Prints what belongs to a result, and is not part of it, to stderr.
    pub(crate) fn aside(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) {
        let mut stderr = anstream::stderr().lock();
        let _ = match self.json {
            true => writeln!(stderr, "{}", json()),
            false => text(&mut stderr),
        };
    }

    /// Prints a diagnosis with code, hint and place; one that lists several as those.
    pub(crate) fn diagnose(&self, diagnostic: &dyn Diagnostic) {
        if let Some(several) = diagnostic.related() {
            return several.for_each(|one| self.diagnose(one));
        }
        self.remark(format_args!("{}", Rendered { handler: handler(), diagnostic }));
    }

    /// Prints why there is no answer.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if matches!(failure, Failure::Interrupted(_)) {
            // Whoever did it knows.
        } else if self.json {
            let _ = writeln!(anstream::stderr(), "{:#}", json!({ "error": failure.to_json() }));
        } else {
            self.diagnose(failure.diagnostic());
        }
        ExitCode::from(failure.exit_code())
    }
}

/// A heading, or what else should stand out.
pub(crate) const STRONG: anstyle::Style = anstyle::Style::new().bold();
/// What one may pass over.
pub(crate) const FAINT: anstyle::Style = anstyle::Style::new().dimmed();
/// Good news.
pub(crate) const GOOD: anstyle::Style = anstyle::AnsiColor::Green.on_default();
/// What may be bad news.
pub(crate) const WARNING: anstyle::Style = anstyle::AnsiColor::Yellow.on_default();
/// Bad news.
pub(crate) const BAD: anstyle::Style = anstyle::AnsiColor::Red.on_default();

fn handler() -> MietteHandler {
    let color = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    MietteHandlerOpts::new().color(color).terminal_links(false).build()
}

struct Rendered<'a> {
    handler: MietteHandler,
    diagnostic: &'a dyn Diagnostic,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handler.debug(self.diagnostic, f)
    }
}
