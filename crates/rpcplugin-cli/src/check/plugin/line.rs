//! The line, and what it leads to.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rpcplugin::{
    core::{Error, limits},
    tonic::codegen::http::Uri,
    transport::{ExpectedPeer, TcpConnector, UnixConnector},
};
use tower::ServiceExt as _;

use super::rules::*;
use crate::check::{
    book::{Book, Stop},
    dial::Place,
    line::{self, Line, NoLine, shown, shown_text},
    process::ending,
    target::{Launch, Plugin, Stdin, Target, not_started},
};

/// What other sessions go by.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Whether it serves under TLS alone.
    pub(crate) tls_only: bool,
    /// Whether it ends when stdin does, so that all sessions have to hold it open.
    pub(crate) reads_stdin: bool,
    /// The version that it chose.
    pub(crate) version: u32,
}

impl Facts {
    /// A start whose services can be looked at.
    pub(crate) fn launch(&self, target: &Target) -> Launch {
        if self.tls_only { self.mutual(target) } else { self.plaintext(target) }
    }

    pub(crate) fn plaintext(&self, target: &Target) -> Launch {
        Launch { stdin: self.stdin(), ..target.launch() }
    }

    pub(crate) fn mutual(&self, target: &Target) -> Launch {
        Launch { stdin: self.stdin(), ..target.launch_mutual() }
    }

    const fn stdin(&self) -> Stdin {
        if self.reads_stdin { Stdin::Held } else { Stdin::Null }
    }
}

/// Looks at the line of a start in plaintext with stdin at its end, or of another one if that
/// does not work.
pub(crate) async fn run(target: &Target, book: &mut Book) -> Result<Facts, Stop> {
    let mut facts = Facts { tls_only: false, reads_stdin: false, version: 0 };
    let mut first = start(target, &facts.launch(target)).await?;
    if first.failed_early(target).await {
        let others = [(false, true), (true, false), (true, true)];
        for (tls_only, reads_stdin) in others {
            let other = Facts { tls_only, reads_stdin, version: 0 };
            let mut again = start(target, &other.launch(target)).await?;
            if !again.failed_early(target).await {
                if reads_stdin {
                    book.check(STDIN_EOF, false, "it serves only while stdin is open");
                }
                (facts, first) = (other, again);
                break;
            }
        }
    }
    let Attempt { mut plugin, line } = first;
    let bytes = match line {
        Ok(bytes) => bytes,
        Err(none) => return Err(no_line(target, &mut plugin, &none.bytes, book).await),
    };
    let stdout = plugin.process.stdout.kept();
    book.check(LINE_PRINTED, true, "a line came");
    book.check(LINE_NEWLINE, true, "it ends in a newline");
    let seen = match stdout.starts_with(&bytes) {
        true => "it is the first".to_owned(),
        false => format!("first came {}", shown(&stdout)),
    };
    book.check(LINE_FIRST, stdout.starts_with(&bytes), seen);
    bytes_of(&bytes, book);
    let line = Line::of(&bytes);
    fields(&line, target, facts.tls_only, book);
    let place = line.place();
    if !matches!(line.field(3), "unix" | "tcp") {
        book.skip(LINE_ADDRESS, "not looked at: the network is not known");
    } else if !matches!(line.field(5), "grpc") {
        book.skip(LINE_ADDRESS, "not looked at: another protocol is spoken there");
    } else {
        let seen = place.as_ref().map_or_else(Clone::clone, kind);
        book.check(LINE_ADDRESS, place.is_ok(), seen);
    }
    let place = place.map_err(Stop)?;
    address(&place, &plugin, book);
    listener(&place, &plugin, target, book).await?;
    Ok(Facts { version: line.version().unwrap_or_default(), ..facts })
}

/// A start, and what came on stdout.
struct Attempt {
    plugin: Plugin,
    line: Result<Vec<u8>, NoLine>,
}

async fn start(target: &Target, launch: &Launch) -> Result<Attempt, Stop> {
    let mut plugin = target.spawn(launch).map_err(|error| not_started(&error))?;
    let line = line::read(&mut plugin.process.stdout, target.limits.start).await;
    Ok(Attempt { plugin, line })
}

impl Attempt {
    /// Whether the process has ended with no line, or although it printed one.
    async fn failed_early(&mut self, target: &Target) -> bool {
        let said_nothing = self.plugin.process.stdout.kept().is_empty();
        if self.line.is_err() && !said_nothing {
            return false;
        }
        let process = &mut self.plugin.process;
        let ended = match self.line {
            // A closed stdout is no death, once the line is printed.
            Ok(_) => process.ended(target.limits.quiet).await,
            Err(_) => process.outcome(&target.limits).await,
        };
        ended.is_some()
    }
}

async fn no_line(target: &Target, plugin: &mut Plugin, bytes: &[u8], book: &mut Book) -> Stop {
    let ended = ending(plugin.process.outcome(&target.limits).await);
    let why = if bytes.is_empty() {
        book.check(LINE_PRINTED, false, format!("nothing on stdout: {ended}"));
        format!("no line came: {ended}")
    } else {
        book.check(LINE_PRINTED, true, "something came");
        book.check(LINE_NEWLINE, false, format!("no newline after {}: {ended}", shown(bytes)));
        "no complete line came".to_owned()
    };
    Stop(why)
}

/// What stands in the line as bytes.
fn bytes_of(bytes: &[u8], book: &mut Book) {
    let line = bytes.trim_ascii_end();
    let length = line.len() <= limits::HANDSHAKE_LINE;
    book.check(LINE_LENGTH, length, if length { "it is" } else { "it is longer" });
    let (kept, seen) = match std::str::from_utf8(line) {
        Err(_) => (false, format!("not UTF-8: {}", shown(line))),
        Ok(text) if text.starts_with('\u{feff}') => (false, "a byte-order mark".to_owned()),
        Ok(text) if text.chars().any(char::is_control) => {
            (false, format!("a control character: {}", shown(line)))
        }
        Ok(text) if text.split('|').any(|field| field.trim() != field) => {
            (false, format!("space at a field's end: {}", shown(line)))
        }
        Ok(_) => (true, "it is".to_owned()),
    };
    book.check(LINE_BYTES, kept, seen);
}

fn fields(line: &Line, target: &Target, tls_only: bool, book: &mut Book) {
    let count = line.fields.len();
    let looks = line.fields.len() >= 4;
    book.check(LINE_FIELDS, count >= 6, format!("{count} fields"));
    if !looks {
        return;
    }
    let field = |number| shown_text(line.field(number));
    book.check(LINE_CORE_VERSION, line.field(1) == "1", field(1));
    let version = line.version().filter(|version| target.versions.contains(version));
    book.check(LINE_APP_VERSION, version.is_some(), field(2));
    book.check(LINE_NETWORK, matches!(line.field(3), "unix" | "tcp"), field(3));
    match line.fields.get(4) {
        Some(_) => book.check(LINE_PROTOCOL, line.field(5) == "grpc", field(5)),
        None => book.check(LINE_PROTOCOL, false, "it is absent, which means netrpc"),
    };
    if tls_only {
        book.skip(LINE_CERT_UNASKED, "it serves under TLS alone");
    } else {
        let empty = line.field(6).is_empty();
        let seen = if empty { "it is empty" } else { "it is not empty" };
        book.check(LINE_CERT_UNASKED, empty, seen);
    }
    book.check(LINE_MUX_UNASKED, count <= 6, format!("{count} fields"));
}

fn kind(place: &Place) -> String {
    match place {
        Place::Unix(_) => "an absolute path".to_owned(),
        Place::Tcp(_) => "IP:port".to_owned(),
    }
}

/// Whether a host would dial it at all.
fn address(place: &Place, plugin: &Plugin, book: &mut Book) {
    match place {
        Place::Tcp(address) => {
            let loopback = address.ip().is_loopback();
            let seen = if loopback { "loopback".to_owned() } else { address.ip().to_string() };
            book.check(ADDRESS_ALLOWED, loopback, seen);
            book.skip(SOCKET_DIRECTORY, "it listens on TCP");
            book.skip(SOCKET_MODE, "it listens on TCP");
        }
        Place::Unix(path) => {
            let inside = path.starts_with(plugin.directory.path());
            let seen = match inside {
                true => "in the host's directory".to_owned(),
                false => format!("in {}", shown_text(&parent(path))),
            };
            book.check(ADDRESS_ALLOWED, inside, seen);
            let told = path.starts_with(&plugin.sockets);
            let seen = match (told, path.starts_with(&plugin.temporary)) {
                (true, _) => "there",
                (false, true) => "in TMPDIR",
                (false, false) => "elsewhere",
            };
            book.check(SOCKET_DIRECTORY, told, seen);
            match std::fs::metadata(path) {
                Err(_) => book.skip(SOCKET_MODE, "there is no such file"),
                Ok(file) => {
                    let mode = file.permissions().mode() & 0o777;
                    // To connect takes the right to write.
                    let ours = file.uid() == rustix::process::geteuid().as_raw();
                    book.check(SOCKET_MODE, mode & 0o022 == 0 && ours, format!("mode {mode:o}"));
                }
            }
        }
    }
}

fn parent(path: &std::path::Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}

async fn listener(
    place: &Place,
    plugin: &Plugin,
    target: &Target,
    book: &mut Book,
) -> Result<(), Stop> {
    let limit = target.limits.call;
    let mut expected = ExpectedPeer::new();
    expected.pid = plugin.process.pid();
    let uri = Uri::from_static("http://localhost");
    // One connection for both: there are plugins that take one alone.
    let refused = match place {
        Place::Unix(path) => {
            let connector = UnixConnector::new(path).timeout(limit).expect_peer(expected);
            connector.oneshot(uri).await.err()
        }
        Place::Tcp(address) => {
            let connector = TcpConnector::new(*address).timeout(limit).expect_peer(expected);
            connector.oneshot(uri).await.err()
        }
    };
    let seen = refused.as_ref().map_or("it is", Error::code);
    let is_stranger = seen == "SECURITY_PEER_CREDENTIALS";
    if refused.is_some() && !is_stranger {
        book.check(LISTENING, false, seen);
        return Err(Stop("nobody listens at the address of the line".to_owned()));
    }
    book.check(LISTENING, true, "it accepts connections");
    book.check(LISTENER_OWNER, !is_stranger, seen);
    Ok(())
}
