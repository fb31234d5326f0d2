//! The sessions in which a plugin is looked at: each starts it anew.

mod connections;
mod ending;
mod line;
mod mux;
mod refusals;
pub(crate) mod rules;
mod services;
mod tcp;
mod tls;
mod versions;

use futures_util::{StreamExt as _, stream};

use self::{line::Facts, rules::*};
use super::{
    book::{Book, Finding, Stop},
    progress::Progress,
    rule::Rule,
    target::Target,
};

/// What is looked at together, and which rules that is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Session {
    CookieAbsent,
    CookieWrong,
    Versions,
    Tcp,
    Tls,
    UnreadableCertificate,
    Reflection,
    Services,
    Broker,
    Connections,
    Mux,
    Shutdown,
    Signals,
    Lifeline,
    HostDeath,
}

/// Sessions at the same time: most of their time they wait.
const AT_ONCE: usize = 4;

impl Session {
    const ALL: [Self; 15] = [
        Self::CookieAbsent,
        Self::CookieWrong,
        Self::Versions,
        Self::Tcp,
        Self::Tls,
        Self::UnreadableCertificate,
        Self::Reflection,
        Self::Services,
        Self::Broker,
        Self::Connections,
        Self::Mux,
        Self::Shutdown,
        Self::Signals,
        Self::Lifeline,
        Self::HostDeath,
    ];

    /// Whether it goes on where the line of a start left off.
    const fn needs_line(self) -> bool {
        !matches!(self, Self::CookieAbsent | Self::CookieWrong)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::CookieAbsent => "without the cookie",
            Self::CookieWrong => "with another cookie",
            Self::Versions => "versions",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::UnreadableCertificate => "an unreadable certificate",
            Self::Reflection => "reflection",
            Self::Services => "services",
            Self::Broker => "side channels",
            Self::Connections => "connections",
            Self::Mux => "one connection",
            Self::Shutdown => "Shutdown",
            Self::Signals => "signals",
            Self::Lifeline => "the lifeline",
            Self::HostDeath => "the host's death",
        }
    }

    fn rules(self) -> &'static [&'static Rule] {
        match self {
            Self::CookieAbsent => &[COOKIE_ABSENT, COOKIE_EXIT_CODE, COOKIE_MESSAGE],
            Self::CookieWrong => &[COOKIE_WRONG],
            Self::Versions => {
                &[VERSION_OFFERED, VERSION_HIGHEST, VERSION_ABSENT, VERSION_NONE, VERSION_JUNK]
            }
            Self::Tcp => &[TRANSPORT_ASKED, PORT_RANGE],
            Self::Tls => &[
                CERT_ANNOUNCED,
                CERT_BASE64,
                CERT_DER,
                CERT_VALID,
                CERT_NAME,
                CERT_USAGE,
                CERT_KEY,
                CERT_FRESH,
                TLS_PINNED,
                TLS_ALPN,
                TLS_12,
                TLS_13,
                TLS_OLD,
                TLS_NO_CERTIFICATE,
                TLS_STRANGER,
                TLS_PLAINTEXT,
            ],
            Self::UnreadableCertificate => &[TLS_UNREADABLE],
            Self::Reflection => &[REFLECTION],
            Self::Services => &[
                HEALTH,
                HEALTH_EMPTY,
                HEALTH_UNKNOWN,
                HEALTH_WATCH,
                STDIO,
                STDIO_AGAIN,
                UNKNOWN_METHOD,
            ],
            Self::Broker => &[BROKER, BROKER_STRAY, BROKER_AGAIN],
            Self::Connections => &[
                CONNECTIONS,
                CONNECT_AND_CLOSE,
                CONCURRENT,
                GARBAGE,
                SILENT_CLIENT,
                MESSAGE_LIMIT,
                PINGS,
            ],
            Self::Mux => &[MUX_ANSWER, MUX_SESSION],
            Self::Shutdown => &[
                STDIN_EOF,
                SHUTDOWN,
                SHUTDOWN_ANSWER,
                SHUTDOWN_ENDS,
                SHUTDOWN_EXIT_CODE,
                SHUTDOWN_FILES,
                LEFTOVERS,
                STDOUT_QUIET,
                STDERR_FORM,
                STDERR_LENGTH,
                COOKIE_UNSAID,
            ],
            Self::Signals => &[SIGINT, SIGTERM, SIGTERM_EXIT_CODE, SIGTERM_FILES],
            Self::Lifeline => &[LIFELINE],
            Self::HostDeath => &[HOST_DEATH],
        }
    }

    async fn run(self, target: &Target, facts: &Result<Facts, String>) -> Book {
        let mut book = Book::default();
        let ended = match facts {
            Err(why) if self.needs_line() => Err(Stop(why.clone())),
            Ok(facts) => self.look(target, facts, &mut book).await,
            Err(_) => self.refused(target, &mut book).await,
        };
        book.close(self.rules(), ended);
        book
    }

    async fn refused(self, target: &Target, book: &mut Book) -> super::book::Session {
        match self {
            Self::CookieAbsent => refusals::cookie_absent(target, book).await,
            _ => refusals::cookie_wrong(target, book).await,
        }
    }

    async fn look(self, target: &Target, facts: &Facts, book: &mut Book) -> super::book::Session {
        match self {
            Self::CookieAbsent | Self::CookieWrong => self.refused(target, book).await,
            Self::Versions => versions::run(target, facts, book).await,
            Self::Tcp => tcp::run(target, facts, book).await,
            Self::Tls => tls::run(target, facts, book).await,
            Self::UnreadableCertificate => {
                refusals::unreadable_certificate(target, facts, book).await
            }
            Self::Reflection => services::reflection(target, facts, book).await,
            Self::Services => services::run(target, facts, book).await,
            Self::Broker => services::broker(target, facts, book).await,
            Self::Connections => connections::run(target, facts, book).await,
            Self::Mux => mux::run(target, facts, book).await,
            Self::Shutdown => ending::shutdown(target, facts, book).await,
            Self::Signals => ending::signals(target, facts, book).await,
            Self::Lifeline => ending::lifeline(target, facts, book).await,
            Self::HostDeath => ending::host_death(target, facts, book).await,
        }
    }
}

/// Rules that the first session looks at, whose line the others go by.
fn first() -> Vec<&'static Rule> {
    let is_later =
        |rule: &&'static Rule| Session::ALL.iter().any(|session| session.rules().contains(rule));
    ALL.iter().copied().filter(|rule| !is_later(rule)).collect()
}

/// Looks at a plugin by all rules. Each has exactly one finding, in the order of the table.
pub(crate) async fn check(target: &Target, progress: &Progress) -> Vec<Finding> {
    progress.start(Session::ALL.len() + 1);
    let mut book = Book::default();
    let facts = line::run(target, &mut book).await;
    progress.done("the line");
    let (facts, ended) = match facts {
        Ok(facts) => (Ok(facts), Ok(())),
        Err(Stop(why)) => (Err(why.clone()), Err(Stop(why))),
    };
    book.close(&first(), ended);
    let facts = &facts;
    let sessions = stream::iter(Session::ALL).map(|session| async move {
        let book = session.run(target, facts).await;
        progress.done(session.name());
        book.findings
    });
    let mut found = book.findings;
    // A broken rule of the table's order counts more than one that was kept elsewhere.
    for finding in sessions.buffer_unordered(AT_ONCE).concat().await {
        match found.iter_mut().find(|known| known.rule == finding.rule) {
            Some(known) if known.verdict == super::book::Verdict::Pass => *known = finding,
            Some(_) => {}
            None => found.push(finding),
        }
    }
    let place = |finding: &Finding| ALL.iter().position(|rule| *rule == finding.rule);
    found.sort_by_key(place);
    found
}
