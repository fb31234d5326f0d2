//! Every error as a person sees it, from the situation that it is about: `docs/reference/errors.md`.
//!
//! [`rpcplugin_tests::golden`] compares with `tests/snapshots`; `registry` asks for each code.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod config;
mod dynamic;
mod handshake;
mod protocol;
mod registry;
mod security;
mod transport;

use rpcplugin::{Client, Error, Tls, client::Builder};
use rpcplugin_tests::{
    golden,
    host::{evil_plugin, host, refusal},
    leak::{LeakGuard, leak_free},
};
use tokio::process::Command;

const PLAIN: &str = "1|{version}|{network}|{address}|grpc|";
const SECURE: &str = "1|{version}|{network}|{address}|grpc|{cert}";

/// What a start that must fail tells.
fn told(name: &str, start: impl AsyncFnOnce(&LeakGuard) -> (Builder, Command)) {
    leak_free(async |guard| {
        let (builder, command) = start(guard).await;
        golden(name, &refusal(builder, command).await);
    });
}

/// What a host without TLS tells of a plugin that does what the words say.
fn told_of(name: &str, words: &[&str]) {
    told(name, async |guard| (host(guard).tls(Tls::Plaintext), evil_plugin(guard, words)));
}

/// The host's side of a plugin without TLS that serves in this manner.
async fn serving(builder: Builder, guard: &LeakGuard, manner: &str) -> Client {
    let words = ["listen", "unix", "serve", manner, "line", PLAIN, "hang"];
    builder.tls(Tls::Plaintext).spawn(evil_plugin(guard, words)).await.unwrap()
}

/// The last line that a plugin wrote to stderr.
fn last_line(error: &Error) -> String {
    error.report().and_then(|report| report.stderr.last()).cloned().unwrap_or_default()
}
