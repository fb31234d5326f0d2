//! Plugins that run before the test's own host comes to them.

use std::{path::PathBuf, process::Stdio};

use rpcplugin::{
    client::Identity,
    core::{Address, Reattach},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use crate::{
    Fifo,
    host::{program, signal},
    leak::LeakGuard,
};

/// A plugin in test mode, as somebody starts it by hand.
#[derive(Debug)]
pub struct Debugged {
    child: Child,
    /// How hosts reach it.
    pub record: Reattach,
}

impl Debugged {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// If it does not print its record.
    pub async fn start(guard: &LeakGuard) -> Self {
        let mut command = guard.command(program("test-plugin"));
        command.arg("debug-attach").env("TMPDIR", guard.base());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program is built");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .await
            .expect("the pipe can be read");
        let record = Reattach::from_json(&line, "kv").expect("the line is its record");
        assert_eq!(Some(record.pid), child.id());
        Self { child, record }
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(&self.record)
    }

    /// Ends it as its owner does.
    ///
    /// # Panics
    ///
    /// If it does not clean up.
    pub async fn stop(mut self) {
        signal(self.record.pid, Signal::TERM);
        assert!(self.child.wait().await.expect("it is our child").success());
        assert!(!self.socket().exists());
    }
}

fn socket(record: &Reattach) -> PathBuf {
    let Address::Unix(socket) = &record.address else { panic!("{record:?}") };
    socket.clone()
}

/// What a host in a process of its own has written down of its plugin.
#[derive(Debug)]
#[non_exhaustive]
pub struct Handed {
    /// That host.
    pub host: Child,
    /// How others reach its plugin.
    pub record: Reattach,
    /// What others prove themselves by, with TLS.
    pub identity: Option<Identity>,
}

impl Handed {
    /// Starts a host with a detached plugin.
    ///
    /// # Panics
    ///
    /// If it does not get ready.
    pub async fn start(guard: &LeakGuard, options: &[&str], report: Option<&Fifo>) -> Self {
        let mut command = guard.command(program("test-host"));
        let handover = format!("handover={}", guard.scratch().display());
        command.args(["detach", &handover]).args(options).arg("--");
        command.arg(program("test-plugin")).arg("detach").env("TMPDIR", guard.base());
        if let Some(report) = report {
            command.env("TEST_PLUGIN_REPORT", report.path());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut host = command.spawn().expect("the program is built");
        let mut line = String::new();
        BufReader::new(host.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .await
            .expect("the pipe can be read");
        assert!(line.starts_with("ready "), "the host said {line:?}");
        let read = |name| std::fs::read(guard.scratch().join(name)).ok();
        let record =
            String::from_utf8(read("record").expect("the host wrote it")).expect("JSON is text");
        let identity =
            read("identity").map(|pem| Identity::from_pem(&pem, &pem).expect("the host wrote it"));
        Self {
            host,
            record: Reattach::from_json(&record, "kv").expect("the host wrote it"),
            identity,
        }
    }

    /// Kills the host; the plugin stays.
    ///
    /// # Panics
    ///
    /// If it has ended by itself.
    pub async fn kill_host(&mut self) {
        signal(self.host.id().expect("it runs"), Signal::KILL);
        self.host.wait().await.expect("it is our child");
    }
}
