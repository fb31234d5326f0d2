//! A start with the host's certificate.

use std::time::SystemTime;

use rpcplugin::tls::{CertInfo, San};
use rustls::version::{TLS12, TLS13};

use super::{line::Facts, rules::*};
use crate::check::{
    book::{Book, Session, Stop},
    dial::Route,
    line::Line,
    stranger::{Reception, Stranger, speaks_tls11, stranger},
    target::{Launch, Started, Target},
};

pub(crate) async fn run(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let launch = facts.mutual(target);
    let started = match target.start(&launch).await {
        Ok(started) => started,
        Err(why) => return Err(without(target, &launch, why, book).await),
    };
    certificate(&started.line, book)?;
    let second = target.start(&launch).await.map(|second| second.line.field(6).to_owned());
    match second {
        Err(Stop(why)) => book.skip(CERT_FRESH, why),
        Ok(second) => {
            let fresh = second != started.line.field(6);
            let seen = if fresh { "two starts had two" } else { "two starts had the same" };
            book.check(CERT_FRESH, fresh, seen);
        }
    }
    connection(target, &started, book).await
}

/// A line without a certificate that one can work with.
async fn without(target: &Target, launch: &Launch, why: Stop, book: &mut Book) -> Stop {
    let Ok(mut plugin) = target.spawn(launch) else { return why };
    let stdout = &mut plugin.process.stdout;
    if let Ok(bytes) = crate::check::line::read(stdout, target.limits.start).await {
        // It notes what is wrong, or that nothing is.
        let _ = certificate(&Line::of(&bytes), book);
    } else {
        book.check(CERT_ANNOUNCED, false, why.0.clone());
    }
    why
}

/// Field 6, without a connection.
fn certificate(line: &Line, book: &mut Book) -> Session {
    let field = line.field(6);
    let announced = field.len() > 50;
    let seen = if announced { "it does" } else { "the sixth field is too short or absent" };
    if !book.check(CERT_ANNOUNCED, announced, seen) {
        return Err(Stop("no certificate is announced".to_owned()));
    }
    let standard = field.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    let seen = match (standard, field.contains('=')) {
        (true, _) => "it is",
        (false, true) => "it is padded",
        (false, false) => "it has other characters",
    };
    book.check(CERT_BASE64, standard, seen);
    let der = line.certificate().map_err(Stop)?;
    let info = match CertInfo::from_der(&der) {
        Ok(info) => info,
        Err(error) => {
            book.check(CERT_DER, false, error.to_string());
            return Err(Stop("the certificate cannot be read".to_owned()));
        }
    };
    book.check(CERT_DER, true, "it is");
    let valid = info.is_valid_at(SystemTime::now());
    book.check(CERT_VALID, valid, if valid { "it is" } else { "it is not valid now" });
    let names: Vec<_> = info.names.iter().map(San::to_string).collect();
    let named = names.iter().any(|name| name.ends_with("localhost"));
    let seen = match (named, names.is_empty()) {
        (true, _) => "it is".to_owned(),
        (false, true) => "it has no name".to_owned(),
        (false, false) => "it has other names".to_owned(),
    };
    book.check(CERT_NAME, named, seen);
    let usable = info.usages.is_empty() || info.usages.iter().any(|usage| usage == "server");
    let seen = match info.usages.as_slice() {
        [] => "any usage".to_owned(),
        usages => usages.join(", "),
    };
    book.check(CERT_USAGE, usable, seen);
    let known = matches!(info.key_type.as_str(), "P-256" | "P-384" | "P-521" | "Ed25519")
        || (info.key_type == "RSA" && info.key_bits >= 2048);
    book.check(CERT_KEY, known, format!("{}, {} bits", info.key_type, info.key_bits));
    Ok(())
}

async fn connection(target: &Target, started: &Started, book: &mut Book) -> Session {
    let (route, limit) = (&started.route, target.limits.call);
    let place = &route.place;
    let ours = |version, alpn| Stranger { identity: Some(&target.identity), version, alpn };
    let mut speaks_h2 = true;
    for (rule, version) in [(TLS_12, &TLS12), (TLS_13, &TLS13)] {
        let reception = ours(version, true).knock(place, limit).await;
        book.check(rule, reception.is_served(), word(&reception));
        if let Reception::Served { alpn } = &reception {
            speaks_h2 = alpn.as_deref() == Some(b"h2");
            book.check(TLS_ALPN, speaks_h2, if speaks_h2 { "it does" } else { "it selects none" });
        }
    }
    if speaks_h2 {
        let pinned = route.answers().await;
        let seen = pinned.clone().err().unwrap_or_else(|| "it does".to_owned());
        book.check(TLS_PINNED, pinned.is_ok(), seen);
    } else {
        book.skip(TLS_PINNED, "not looked at without h2");
    }
    let old = match place.connect(limit).await {
        Ok(io) => speaks_tls11(io, limit).await,
        Err(_) => false,
    };
    book.check(TLS_OLD, !old, if old { "it goes along" } else { "it does" });

    let other = stranger().map_err(|error| Stop(error.to_string()))?;
    for (rule, identity) in [(TLS_NO_CERTIFICATE, None), (TLS_STRANGER, Some(&other))] {
        let mut served = None;
        for version in [&TLS13, &TLS12] {
            let reception = Stranger { identity, version, alpn: true }.knock(place, limit).await;
            if reception.is_served() {
                served = Some(reception);
            }
        }
        let seen = if served.is_some() { "it is served" } else { "it is refused" };
        book.check(rule, served.is_none(), seen);
    }
    let plain = Route::plaintext(place.clone(), limit).answers().await;
    let seen = if plain.is_ok() { "it answers" } else { "it does not" };
    book.check(TLS_PLAINTEXT, plain.is_err(), seen);
    Ok(())
}

fn word(reception: &Reception) -> String {
    match reception {
        Reception::Served { .. } => "it does".to_owned(),
        Reception::Refused(why) => why.clone(),
    }
}
