//! A pair whose host is one of go-plugin's own examples, as it is.

use std::{ffi::OsString, fs};

use anyhow::{Context as _, Result, ensure};

use super::{
    outcome::{Check, Outcome},
    pairs::{Pair, Service},
    scratch::Scratch,
};
use crate::tools;

/// Puts a value in one run of the host and gets it in another; with the example of streams, has it
/// write and read a file.
///
/// The store is the plugin's working directory, since each run starts a new plugin.
pub(super) fn run(pair: &Pair, host: &[OsString], plugin: &[OsString]) -> Result<Outcome> {
    let scratch = Scratch::new(pair)?;
    // A shell runs this, which would stand between host and plugin without `exec`.
    let words = plugin.iter().map(quoted).collect::<Result<Vec<_>>>()?;
    let line = format!("exec {}", words.join(" "));
    // The first example starts what the variable says, the others these files.
    scratch.script("kv-plugin", &line)?;
    scratch.script("plugin/streamer", &line)?;
    let variables = [
        ("KV_PROTO", OsString::from("grpc")),
        ("KV_PLUGIN", OsString::from(&line)),
        ("COUNTER_PLUGIN", OsString::from(line)),
    ];
    let call = |arguments: &[&str]| {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let ended = scratch.run(&[host, &arguments].concat(), &variables)?;
        let status = ended.status.context("killed, for taking too long")?;
        let log = fs::read_to_string(scratch.log()).unwrap_or_default();
        let said = format!("{}\n{log}", ended.lines.join("\n"));
        ensure!(status.success(), "{status}: {}", tools::last_lines(&said));
        Ok(ended.lines)
    };
    let mut checks = Vec::new();
    if pair.host.service == Service::Streaming {
        let streamed = call(&["streamed"]).and_then(|_| {
            // The host tells in its log what it has read.
            let log = fs::read_to_string(scratch.log()).unwrap_or_default();
            ensure!(log.contains("received 26 bytes"), "{}", tools::last_lines(&log));
            Ok("26 bytes there and back".into())
        });
        checks.push(Check::of("streams", streamed));
    } else {
        // A counter adds what is put, by asking its host.
        let (name, puts, expected) = match pair.host.service {
            Service::Bidirectional => ("visits", ["5", "7"].as_slice(), "12"),
            _ => ("colour", ["blue"].as_slice(), "blue"),
        };
        for value in puts {
            let put = call(&["put", name, value]);
            checks.push(Check::of("put", put.map(|_| "stored".into())));
        }
        let got = call(&["get", name]).and_then(|lines| {
            // The example's plugin adds a line of its own to what it stores.
            let got = lines.first().map_or("nothing", String::as_str);
            ensure!(got == expected, "got {got:?}, not {expected:?}");
            Ok("the value stored before".into())
        });
        checks.push(Check::of("get", got));
    }
    checks.extend(scratch.check_nothing_left(pair));
    scratch.keep(&checks)?;
    Ok(Outcome::of(checks))
}

/// A word as a shell takes it whole.
fn quoted(word: &OsString) -> Result<String> {
    let word = word.to_str().context("the plugin's path is not UTF-8")?;
    Ok(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_keeps_spaces_and_quotes() {
        assert_eq!(quoted(&"it's here".into()).unwrap(), r"'it'\''s here'");
    }
}
