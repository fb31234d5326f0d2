//! The line as it stands there: nothing is judged here but what it takes to go on.

use std::time::Duration;

use rpcplugin::core::{Address, CertificateField, Handshake, escape};

use super::{dial::Place, stream::Stream};

/// Lines before the line that are looked at.
const BANNERS: usize = 64;

/// What came in place of a line.
#[derive(Debug)]
pub(crate) struct NoLine {
    pub(crate) bytes: Vec<u8>,
}

/// Waits for the first line that looks like a handshake, else takes the first there is.
pub(crate) async fn read(stdout: &mut Stream, limit: Duration) -> Result<Vec<u8>, NoLine> {
    stdout.until(limit, |bytes| find(bytes).is_some()).await;
    let bytes = stdout.kept();
    match find(&bytes).or_else(|| lines(&bytes).next()) {
        Some(line) => Ok(line.to_vec()),
        None => Err(NoLine { bytes }),
    }
}

fn find(bytes: &[u8]) -> Option<&[u8]> {
    lines(bytes).take(BANNERS).find(|line| looks_right(line))
}

/// Whether somebody meant it as a handshake line.
fn looks_right(line: &[u8]) -> bool {
    line.iter().filter(|byte| **byte == b'|').count() >= 3
}

/// Complete lines, with their newline.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"))
}

/// A line, by its fields.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) fields: Vec<String>,
}

impl Line {
    pub(crate) fn of(line: &[u8]) -> Self {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_start_matches('\u{feff}').trim();
        Self { fields: text.split('|').map(str::to_owned).collect() }
    }

    /// Field `number`, counted from 1; empty if it is absent.
    pub(crate) fn field(&self, number: usize) -> &str {
        self.fields.get(number - 1).map_or("", |field| field.trim())
    }

    /// The application version, if it is a number.
    pub(crate) fn version(&self) -> Option<u32> {
        self.field(2).parse().ok()
    }

    /// Where to connect, if gRPC is spoken there.
    pub(crate) fn place(&self) -> Result<Place, String> {
        let no_use = |why: String| format!("the line cannot be used: {why}");
        let protocol = self.field(5);
        if !matches!(protocol, "grpc" | "") || (protocol.is_empty() && self.fields.len() < 5) {
            let shown = if protocol.is_empty() { "netrpc" } else { protocol };
            return Err(no_use(format!("the protocol is {}", shown_text(shown))));
        }
        let address = Address::parse(self.field(3), self.field(4))
            .map_err(|error| no_use(error.to_string()))?;
        Place::of(&address).ok_or_else(|| no_use("its network is not known".to_owned()))
    }

    /// The announced certificate's DER.
    pub(crate) fn certificate(&self) -> Result<Vec<u8>, String> {
        let field = self.certificate_field().ok_or("no certificate is announced")?;
        field.der().map_err(|error| error.to_string())
    }

    fn certificate_field(&self) -> Option<CertificateField> {
        // The parser of the library is the one way to a field from text.
        let line = format!("1|1|tcp|127.0.0.1:1|grpc|{}", self.field(6));
        line.parse::<Handshake>().ok().map(|line| line.certificate)
    }
}

/// Bytes of a peer, escaped and not too many of them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 80;
    let mut text = escape(bytes.get(..MOST).unwrap_or(bytes));
    if bytes.len() > MOST {
        text.push('…');
    }
    format!("\"{text}\"")
}

pub(crate) fn shown_text(text: &str) -> String {
    shown(text.as_bytes())
}
