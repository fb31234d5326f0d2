//! On TCP, within a range of ports.

use super::{line::Facts, rules::*};
use crate::check::{
    book::{Book, Session},
    dial::Place,
    target::{Launch, Target},
};

pub(crate) async fn run(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    // So many that some are free, and where the system takes none by itself.
    let ports = (21_000, 21_999);
    let launch = Launch { transports: "tcp,unix", ports, ..facts.launch(target) };
    let started = target.start(&launch).await?;
    match started.route.place {
        Place::Unix(_) => {
            book.check(TRANSPORT_ASKED, false, "it listens on a Unix socket");
            book.skip(PORT_RANGE, "it listens on a Unix socket");
        }
        Place::Tcp(address) => {
            book.check(TRANSPORT_ASKED, true, "it does");
            let inside = (ports.0..=ports.1).contains(&address.port());
            let seen = if inside { "it does" } else { "it lies outside" };
            book.check(PORT_RANGE, inside, seen);
            if !address.ip().is_loopback() {
                let seen = format!("on TCP it listens on {}", address.ip());
                book.check(ADDRESS_ALLOWED, false, seen);
            }
        }
    }
    Ok(())
}
