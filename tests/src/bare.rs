use std::{path::PathBuf, process::Stdio};

use rpcplugin::{
    client::PluginChannel,
    transport::{ChannelOptions, Generation, UnixConnector},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::{host::signal, leak::LeakGuard};

/// A plugin of ours under a host that is no library's: in plaintext, and with no call but those
/// that a test makes.
#[derive(Debug)]
pub struct Bare {
    process: Child,
    stdout: BufReader<ChildStdout>,
    socket: PathBuf,
}

/// What a process left behind.
#[derive(Debug)]
#[non_exhaustive]
pub struct Left {
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// Its stdout after the line.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: String,
}

impl Bare {
    /// Starts it, and reads its line.
    ///
    /// # Panics
    ///
    /// If it prints none.
    pub async fn start(guard: &LeakGuard, mut command: Command) -> Self {
        let (name, value) = ("RPCPLUGIN_TESTS_COOKIE", "6d2f1c");
        command.env(name, value).env("TMPDIR", guard.base()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program is built");
        let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).await.expect("the pipe can be read");
        let socket = line.split('|').nth(3).unwrap_or_else(|| panic!("it said {line:?}")).into();
        Self { process, stdout, socket }
    }

    /// A connection to it.
    ///
    /// # Panics
    ///
    /// If it takes none.
    pub async fn connect(&self) -> PluginChannel {
        let connector = UnixConnector::new(&self.socket);
        let connecting =
            PluginChannel::connect(connector, ChannelOptions::new(), Generation::new());
        connecting.await.expect("it listens")
    }

    /// Its process id.
    ///
    /// # Panics
    ///
    /// If it has ended.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    /// Ends it with SIGTERM.
    pub async fn stop(self) -> Left {
        signal(self.pid(), Signal::TERM);
        self.ended().await
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    ///
    /// If what it wrote cannot be read.
    pub async fn ended(mut self) -> Left {
        let mut stderr = self.process.stderr.take().expect("it is piped");
        let (mut out, mut log) = (Vec::new(), Vec::new());
        let (first, second) =
            tokio::join!(self.stdout.read_to_end(&mut out), stderr.read_to_end(&mut log));
        first.and(second).expect("pipes can be read");
        let status = self.process.wait().await.expect("it is our child");
        let stderr = String::from_utf8_lossy(&log).into_owned();
        Left { code: status.code(), stdout: out, stderr }
    }
}
