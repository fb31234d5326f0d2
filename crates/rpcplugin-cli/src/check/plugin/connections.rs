//! Connections and calls that a plugin must live with.

use futures_util::future::join_all;
use rpcplugin::transport::BoxIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{line::Facts, rules::*, services::connected};
use crate::check::{
    book::{Book, Session, Stop},
    dial::{Route, answers},
    rule::Rule,
    stranger::PREFACE,
    target::{Started, Target},
};

/// Calls that are made at the same time.
const CALLS: usize = 50;
/// Connections that close at once.
const PROBES: usize = 5;
/// Pings in a row.
const MANY_PINGS: usize = 20;

pub(crate) async fn run(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let started = target.start(&facts.launch(target)).await?;
    let channel = connected(&started).await?;
    let route = &started.route;
    let other = route.answers().await;
    let both = match other {
        Ok(()) => answers(channel.clone()).await,
        refused => refused,
    };
    if !outcome(CONNECTIONS, &both, book) {
        // The rest needs connections of its own.
        return Err(Stop("it serves one connection alone".to_owned()));
    }

    let calls = join_all((0..CALLS).map(|_| answers(channel.clone()))).await;
    let answered = calls.iter().filter(|call| call.is_ok()).count();
    book.check(CONCURRENT, answered == CALLS, format!("{answered} of {CALLS} calls are answered"));
    drop(channel);

    for _ in 0..PROBES {
        drop(route.place.connect(route.limit).await);
    }
    alive(CONNECT_AND_CLOSE, route, book).await?;

    let silent = route.place.connect(route.limit).await;
    alive(SILENT_CLIENT, route, book).await?;
    drop(silent);

    if let Ok(mut io) = route.place.connect(route.limit).await {
        let mut bytes = b"\0\xff|1|1|tcp|GET / HTTP/0.9\r\n\r\n".repeat(200);
        bytes.extend([0xff; 64]);
        // It may hang up in the middle.
        let _ = io.write_all(&bytes).await;
        let _ = timeout(target.limits.quiet, io.read(&mut [0; 64])).await;
    }
    alive(GARBAGE, route, book).await?;

    huge(target, &started, book).await?;

    let pings = pings(route).await;
    let seen = pings.clone().err().unwrap_or_else(|| "they are".to_owned());
    book.check(PINGS, pings.is_ok(), seen);
    Ok(())
}

/// Whether calls on a new connection are answered after what was done.
async fn alive(rule: &'static Rule, route: &Route, book: &mut Book) -> Session {
    let answer = route.answers().await;
    match outcome(rule, &answer, book) {
        true => Ok(()),
        false => Err(Stop(format!("it answers no more: see {}", rule.id))),
    }
}

fn outcome(rule: &'static Rule, answer: &Result<(), String>, book: &mut Book) -> bool {
    let seen = answer.clone().err().unwrap_or_else(|| "calls are answered".to_owned());
    book.check(rule, answer.is_ok(), seen)
}

/// A call whose message is announced as 1 GiB, and never comes.
async fn huge(target: &Target, started: &Started, book: &mut Book) -> Session {
    let route = &started.route;
    let mut io = route.raw().await.map_err(Stop)?;
    let mut bytes = PREFACE.to_vec();
    bytes.extend(headers(1));
    bytes.extend(frame(0, 0, 1, b"\0\x40\0\0\0\x0a\x06plugin"));
    let sent = io.write_all(&bytes).await;
    let heard = timeout(target.limits.call, ends(&mut io, 1)).await.map_err(drop);
    drop(io);
    let answer = route.answers().await;
    let seen = match (&sent, heard, &answer) {
        (.., Err(why)) => why.clone(),
        (Err(_), ..) | (_, Ok(None), _) => "the connection is closed".to_owned(),
        (_, Ok(Some(())), _) => "the call is ended".to_owned(),
        (_, Err(_), _) => "it waits for the rest".to_owned(),
    };
    let refused = matches!(heard, Ok(Some(())));
    match book.check(MESSAGE_LIMIT, answer.is_ok() && refused, seen) {
        true => Ok(()),
        false if answer.is_ok() => Ok(()),
        false => Err(Stop(format!("it answers no more: see {}", MESSAGE_LIMIT.id))),
    }
}

/// Many pings in a row are all answered, on a connection that goes on.
async fn pings(route: &Route) -> Result<(), String> {
    let mut io = route.raw().await?;
    let mut bytes = PREFACE.to_vec();
    for number in 0..MANY_PINGS as u64 {
        bytes.extend(frame(6, 0, 0, &number.to_be_bytes()));
    }
    let closed = |_| "the connection is closed".to_owned();
    io.write_all(&bytes).await.map_err(closed)?;
    let listening = async {
        let mut answered = 0;
        while answered < MANY_PINGS {
            let (kind, flags, _) = next(&mut io).await.map_err(closed)?;
            match kind {
                6 if flags & 1 == 1 => answered += 1,
                7 => return Err("the plugin says GOAWAY".to_owned()),
                _ => {}
            }
        }
        Ok(())
    };
    timeout(route.limit, listening).await.unwrap_or_else(|_| Err("not all are".to_owned()))
}

/// Waits until stream `number` is over: trailers or a reset. `None` if the connection is.
async fn ends(io: &mut BoxIo, number: u32) -> Option<()> {
    loop {
        let (kind, flags, stream) = next(io).await.ok()?;
        if stream == number && (kind == 3 || flags & 1 == 1 && kind < 2) {
            return Some(());
        }
    }
}

/// The next frame's type, flags and stream; its payload is passed over.
async fn next(io: &mut BoxIo) -> std::io::Result<(u8, u8, u32)> {
    let mut header = [0; 9];
    io.read_exact(&mut header).await?;
    let [a, b, c, kind, flags, stream @ ..] = header;
    let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
    let mut payload = vec![0; length];
    io.read_exact(&mut payload).await?;
    Ok((kind, flags, u32::from_be_bytes(stream)))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The headers of a call of `Check`, as literals that nobody need remember.
fn headers(stream: u32) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ] {
        block.push(0);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    frame(1, 4, stream, &block)
}
