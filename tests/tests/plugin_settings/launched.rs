//! A plugin that the test itself has started, as a host would.

use std::{path::PathBuf, process::Stdio, time::Duration};

use rpcplugin::{
    client::PluginChannel,
    core::{Address, Handshake},
    transport::{ChannelOptions, Generation, TcpConnector, UnixConnector},
};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_tests::{
    COOKIE,
    host::{program, signal},
    leak::LeakGuard,
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

use super::ways::{Pairs, Way};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// What one look at a plugin needs.
pub(crate) struct Start<'a> {
    pub(crate) guard: &'a LeakGuard,
    /// What is set, and where.
    pub(crate) given: Vec<(Way, Pairs)>,
}

impl Start<'_> {
    /// The command, with the settings but without what a host adds.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.guard.command(program("settings-plugin"));
        for (way, pairs) in &self.given {
            way.give(&mut command, pairs, self.guard.scratch());
        }
        command.env("TMPDIR", self.guard.base());
        command
    }

    /// Whether a value is that of the layer which wins.
    pub(crate) fn is_given(&self, value: &str) -> bool {
        let winner = self.given.last();
        winner.is_some_and(|(_, pairs)| pairs.iter().any(|(_, given)| given == value))
    }

    /// Starts it with these further variables.
    pub(crate) async fn launch(&self, variables: &[(&str, &str)]) -> Outcome {
        let mut command = self.command();
        command.envs(variables.iter().copied());
        start(command).await
    }

    /// The same, of a plugin that serves.
    pub(crate) async fn served(&self, variables: &[(&str, &str)]) -> Launched {
        match self.launch(variables).await {
            Outcome::Serves(launched) => *launched,
            Outcome::Ended(said) => panic!("it did not start: {said}"),
        }
    }
}

/// What became of a start.
pub(crate) enum Outcome {
    Serves(Box<Launched>),
    /// With what it said.
    Ended(String),
}

impl Outcome {
    /// `serves`, or the code of the error.
    pub(crate) async fn told(self) -> String {
        match self {
            Self::Serves(launched) => {
                launched.stop().await;
                "serves".to_owned()
            }
            Self::Ended(said) => {
                let code = said.split_once("error[").and_then(|(_, rest)| rest.split_once(']'));
                code.map_or(said.clone(), |(code, _)| code.to_owned())
            }
        }
    }
}

pub(crate) struct Launched {
    pub(crate) child: Child,
    pub(crate) handshake: Handshake,
    pub(crate) stderr: BufReader<ChildStderr>,
}

/// Starts a plugin with the cookie, and waits for its line or its end.
pub(crate) async fn start(mut command: Command) -> Outcome {
    if !command.as_std().get_envs().any(|(name, _)| name == "NO_COOKIE") {
        command.env(COOKIE.key(), COOKIE.value_for_launch().unwrap());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    timeout(LONG, stdout.read_line(&mut line)).await.unwrap().unwrap();
    // Nothing else ever comes there.
    child.stdout = Some(stdout.into_inner());
    if line.is_empty() {
        let mut said = String::new();
        timeout(LONG, stderr.read_to_string(&mut said)).await.unwrap().unwrap();
        child.wait().await.unwrap();
        return Outcome::Ended(said);
    }
    let handshake = line.trim_end().parse().unwrap();
    Outcome::Serves(Box::new(Launched { child, handshake, stderr }))
}

impl Launched {
    pub(crate) fn address(&self) -> &Address {
        &self.handshake.address
    }

    pub(crate) fn socket(&self) -> PathBuf {
        let Address::Unix(path) = self.address() else { panic!("{:?}", self.handshake) };
        path.clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self::signal(self.child.id().unwrap(), signal);
    }

    /// A channel in plaintext.
    pub(crate) async fn channel(&self) -> PluginChannel {
        let (options, generation) = (ChannelOptions::default(), Generation::new());
        match self.address() {
            Address::Unix(path) => {
                PluginChannel::connect(UnixConnector::new(path), options, generation).await
            }
            Address::Tcp(tcp) => {
                PluginChannel::connect(TcpConnector::new(*tcp), options, generation).await
            }
            other => panic!("{other}"),
        }
        .unwrap()
    }

    pub(crate) async fn probe(&self) -> ProbeClient<PluginChannel> {
        ProbeClient::new(self.channel().await)
    }

    /// Reads on until a line holds one of these words, and tells which.
    pub(crate) async fn says(&mut self, words: &[&str]) -> String {
        let reading = async {
            loop {
                let mut line = String::new();
                assert_ne!(self.stderr.read_line(&mut line).await.unwrap(), 0, "it ended");
                if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                    return (*word).to_owned();
                }
            }
        };
        timeout(LONG, reading).await.unwrap()
    }

    /// Waits for the end, and tells what it said until then.
    pub(crate) async fn end(mut self) -> String {
        let mut said = String::new();
        timeout(LONG, self.stderr.read_to_string(&mut said)).await.unwrap().unwrap();
        timeout(LONG, self.child.wait()).await.unwrap().unwrap();
        said
    }

    /// The same after SIGTERM.
    pub(crate) async fn stop(self) -> String {
        self.signal(Signal::TERM);
        self.end().await
    }
}
