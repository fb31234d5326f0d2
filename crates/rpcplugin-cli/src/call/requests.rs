use std::{
    ffi::OsStr,
    io::{self, BufRead, Read as _},
    path::Path,
    pin::Pin,
    thread,
};

use rpcplugin::client::parse_json;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::{Stream, wrappers::ReceiverStream};

use crate::failure::Failure;

/// Nothing that is sent is larger.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The parameters of one call.
pub(crate) struct Requests {
    /// Those of a call that takes one.
    pub(super) first: Option<Value>,
    /// Those of a call that takes a stream.
    pub(super) rest: Pin<Box<dyn Stream<Item = Value> + Send>>,
    /// Why there are no more of them, unless it is their end.
    pub(super) failed: oneshot::Receiver<Failure>,
}

impl Requests {
    /// Those of a word of the command line.
    pub(crate) fn new(json: Option<&OsStr>, stream: bool) -> Result<Self, Failure> {
        match (json, stream) {
            (None, false) => Self::given("", false),
            (None, true) => Self::lines(),
            (Some(word), true) if word == "-" => Self::lines(),
            (Some(word), false) if word == "-" => Self::given(&stdin()?, false),
            (Some(word), stream) => {
                let text = word.to_str().ok_or_else(|| {
                    Failure::usage("the parameters are not text", "JSON is UTF-8")
                })?;
                Self::given(text, stream)
            }
        }
    }

    /// Those of a text: one, or for a stream any number of them.
    pub(crate) fn given(text: &str, stream: bool) -> Result<Self, Failure> {
        let (_, failed) = oneshot::channel();
        if !stream {
            let is_empty = text.trim().is_empty();
            let first = (!is_empty).then(|| parse_json(text)).transpose()?;
            return Ok(Self { first, rest: Box::pin(tokio_stream::empty()), failed });
        }
        let values = split(text)?;
        let values = values.into_iter().map(parse_json).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { first: None, rest: Box::pin(tokio_stream::iter(values)), failed })
    }

    /// Those of stdin, one a line, each read when the plugin has room for it.
    fn lines() -> Result<Self, Failure> {
        let (values, rest) = mpsc::channel(1);
        let (failure, failed) = oneshot::channel();
        let read = move || {
            if let Err(error) = send_lines(io::stdin().lock(), &values) {
                // Before the stream ends, so that its end is not taken for that of the requests.
                let _ = failure.send(error);
                // It goes with the process; the end of the channel would end the requests.
                thread::park();
            }
        };
        thread::Builder::new().spawn(read).map_err(Failure::system("start threads"))?;
        Ok(Self { first: None, rest: Box::pin(ReceiverStream::new(rest)), failed })
    }
}

/// The texts of values that stand one after the other.
fn split(text: &str) -> Result<Vec<&str>, Failure> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let mut texts = Vec::new();
    loop {
        let start = values.byte_offset();
        match values.next() {
            None => return Ok(texts),
            Some(Ok(_)) => texts.push(&text[start..values.byte_offset()]),
            // It says what is wrong.
            Some(Err(_)) => {
                return Err(parse_json(&text[start..]).err().map_or_else(not_json, Failure::from));
            }
        }
    }
}

fn not_json() -> Failure {
    Failure::usage(
        "the parameters are not JSON",
        "values stand one after the other, with spaces between",
    )
}

fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(LARGEST)
        .read_to_string(&mut text)
        .map_err(Failure::reading(Path::new("-")))?;
    Ok(text)
}

fn send_lines(mut input: impl BufRead, values: &mpsc::Sender<Value>) -> Result<(), Failure> {
    let mut number = 0_u64;
    loop {
        number += 1;
        let mut line = Vec::new();
        let limit = LARGEST + 1;
        let count = input.by_ref().take(limit).read_until(b'\n', &mut line);
        let count = count.map_err(Failure::reading(Path::new("-")))?;
        if count == 0 {
            return Ok(());
        }
        let text = std::str::from_utf8(&line).ok().filter(|_| line.len() as u64 <= LARGEST);
        let value = match text.map(str::trim) {
            Some("") => continue,
            Some(text) => parse_json(text).map_err(|error| error.to_string()),
            None => Err("it is too long, or not UTF-8".to_owned()),
        };
        let value = value.map_err(|reason| {
            Failure::usage(
                format!("line {number} of stdin: {reason}"),
                "each line is one JSON value; those before it have been sent",
            )
        })?;
        if values.blocking_send(value).is_err() {
            // The call is over.
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[&str]>) {
        let texts = split(text).ok();
        let trimmed = texts.map(|texts| texts.into_iter().map(str::trim).collect::<Vec<_>>());
        assert_eq!(trimmed.as_deref(), expected);
    }

    #[test]
    fn values_stand_one_after_the_other() {
        check("", Some(&[]));
        check(" 1 \"a b\" {\"c\": [1]}{} ", Some(&["1", "\"a b\"", "{\"c\": [1]}", "{}"]));
        check("1 [", None);
        check("{} x", None);
    }
}
