//! The host's side of most tests.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rpcplugin::{
    Client,
    client::{Builder, PluginChannel},
    core::{Error, limits},
};
use rpcplugin_proto::{kv::kv_client::KvClient, probe::probe_client::ProbeClient};
use rustix::process::{Pid, Signal};
use tokio::process::Command;

use crate::{COOKIE, leak::LeakGuard};

/// A host with the defaults of the library, except that it puts its files where the guard looks.
pub fn host(guard: &LeakGuard) -> Builder {
    Client::builder(COOKIE).unix_socket_dir(guard.base())
}

/// The command of a plugin that behaves.
#[must_use]
pub fn test_plugin(guard: &LeakGuard) -> Command {
    guard.command(program("test-plugin"))
}

/// The command of a plugin that does what the words say, one after the other.
#[must_use]
pub fn evil_plugin<W: AsRef<str>>(
    guard: &LeakGuard,
    words: impl IntoIterator<Item = W>,
) -> Command {
    let mut command = guard.command(program("evil-plugin"));
    for word in words {
        command.arg(word.as_ref());
    }
    command
}

/// The path of a program of this package.
///
/// Cargo puts programs one directory above the tests of their package.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the system tells a process its program");
    let directory = test.parent().and_then(Path::parent).expect("cargo puts tests into deps/");
    directory.join(name)
}

/// Starts a plugin that must not start, and tells why.
///
/// # Panics
///
/// If it starts.
pub async fn refusal(builder: Builder, command: Command) -> Error {
    let start = tokio::time::timeout(Duration::from_secs(20), builder.spawn(command)).await;
    match start.expect("a start ends by its deadline") {
        Ok(client) => panic!("started: {client:?}"),
        Err(error) => error,
    }
}

/// A client of the probe, without a limit of its own.
#[must_use]
pub fn probe(client: &Client) -> ProbeClient<PluginChannel> {
    client.dispense(ProbeClient::new).max_decoding_message_size(2 * limits::MESSAGE)
}

/// A client of the key-value service.
#[must_use]
pub fn kv(client: &Client) -> KvClient<PluginChannel> {
    client.dispense(KvClient::new)
}

/// Sends a signal to a process that the test started.
///
/// # Panics
///
/// If there is no such process.
pub fn signal(pid: u32, signal: Signal) {
    rustix::process::kill_process(self::pid(pid), signal).expect("the process runs");
}

/// Stops a process, as Ctrl-Z would, and waits until each of its threads has stopped.
///
/// # Panics
///
/// If it takes more than two seconds.
pub async fn freeze(pid: u32) {
    signal(pid, Signal::STOP);
    let frozen = async {
        while !threads_are(pid, " T ") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), frozen).await.expect("it stops");
}

fn threads_are(pid: u32, state: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    threads.filter_map(Result::ok).all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(state))
    })
}

/// Whether a process exists. A zombie does if it is this process's to reap.
#[must_use]
pub fn exists(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let Some((_, rest)) = stat.rsplit_once(')') else { return false };
    let mut fields = rest.split_ascii_whitespace();
    let ended = matches!(fields.next(), Some("Z" | "X"));
    !ended || fields.next() == Some(&std::process::id().to_string())
}

/// Waits until a process is gone.
///
/// # Panics
///
/// If it takes more than two seconds.
pub async fn gone(pid: u32) {
    let gone = async {
        while exists(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(2), gone).await;
    assert!(gone.is_ok(), "{} is there after two seconds", crate::leak::describe(pid));
}

fn pid(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).expect("process ids are positive")
}
