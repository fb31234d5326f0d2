//! One connection for everything.

use rpcplugin::{core::env, transport::BoxIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{line::Facts, rules::*};
use crate::check::{
    book::{Book, Session, Stop},
    stranger::PREFACE,
    target::{Launch, Target},
};

pub(crate) async fn run(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    if facts.tls_only {
        return Err(Stop("not looked at under TLS".to_owned()));
    }
    let launch = Launch { multiplexing: true, ..facts.plaintext(target) };
    let started = target.start(&launch).await?;
    let field = started.line.field(7).to_owned();
    let answer = env::go_bool(&field);
    let seen = match answer {
        Some(answer) => answer.to_string(),
        None if field.is_empty() => "there is no seventh field".to_owned(),
        None => "the seventh field is no boolean".to_owned(),
    };
    book.check(MUX_ANSWER, answer.is_some(), seen);
    if answer != Some(true) {
        book.skip(MUX_SESSION, "it does not multiplex");
        return Ok(());
    }
    let limit = target.limits.call;
    let mut io =
        started.route.place.connect(limit).await.map_err(|error| Stop(error.to_string()))?;
    let heard = timeout(limit, http2_inside(&mut io)).await;
    let (kept, seen) = match heard {
        Ok(Ok(())) => (true, "it does"),
        Ok(Err(_)) => (false, "the connection is closed"),
        Err(_) => (false, "it does not"),
    };
    book.check(MUX_SESSION, kept, seen);
    Ok(())
}

/// Opens stream 1 of a yamux session, and waits for HTTP/2 settings on it.
async fn http2_inside(io: &mut BoxIo) -> std::io::Result<()> {
    // A window update that opens the stream, the data, and a ping.
    io.write_all(&header(1, 1, 1, 0)).await?;
    io.write_all(&header(0, 0, 1, PREFACE.len() as u32)).await?;
    io.write_all(PREFACE).await?;
    io.write_all(&header(2, 1, 0, 7)).await?;
    let (mut settings, mut pong) = (false, false);
    while !(settings && pong) {
        let mut header = [0; 12];
        io.read_exact(&mut header).await?;
        let [_, kind, _, flags, _, _, _, stream, a, b, c, d] = header;
        let value = u32::from_be_bytes([a, b, c, d]);
        match kind {
            0 => {
                /// Settings are a few bytes, and what comes beside them is little more.
                const LONGEST: u32 = 64 * 1024;
                if value > LONGEST {
                    return Err(std::io::ErrorKind::InvalidData.into());
                }
                let mut data = vec![0; value as usize];
                io.read_exact(&mut data).await?;
                // A frame of settings on stream 0 of HTTP/2.
                settings |= stream == 1 && data.get(3) == Some(&4);
            }
            2 => pong |= flags == 2 && value == 7,
            // Another kind of ping that expects an answer, or the end.
            3 => return Err(std::io::ErrorKind::ConnectionAborted.into()),
            _ => {}
        }
    }
    Ok(())
}

fn header(kind: u8, flags: u16, stream: u32, length: u32) -> Vec<u8> {
    let mut header = vec![0, kind];
    header.extend(flags.to_be_bytes());
    header.extend(stream.to_be_bytes());
    header.extend(length.to_be_bytes());
    header
}
