//! The programs under test, and what each brings.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    debian, go, openssl, ours,
    pairs::{Pair, Service},
    python,
};
use crate::workspace;

/// A library, or a program that uses one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Peer {
    Ours,
    Go180,
    Go160,
    Go148,
    Crowdsec,
    Pyvider,
    PythonPlugin,
    Openssl,
}

impl Peer {
    pub(super) const ALL: [Self; 8] = [
        Self::Ours,
        Self::Go180,
        Self::Go160,
        Self::Go148,
        Self::Crowdsec,
        Self::Pyvider,
        Self::PythonPlugin,
        Self::Openssl,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Go180 => "go-plugin 1.8.0",
            Self::Go160 => "go-plugin 1.6.0",
            Self::Go148 => "go-plugin 1.4.8",
            Self::Crowdsec => "crowdsec dummy (go-plugin 1.0.1)",
            Self::Pyvider => "pyvider-rpcplugin 0.5.5",
            Self::PythonPlugin => "python-plugin 0.1.0",
            Self::Openssl => "OpenSSL",
        }
    }

    /// What is run of it, for the documentation.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Ours => "the host and the plugin of this repository",
            Self::Go180 => {
                "the newest go-plugin, with the newest gRPC for Go: a host and a plugin written for \
                 these tests, and its own examples `grpc`, `negotiated`, `streaming` and \
                 `bidirectional` as they are"
            }
            Self::Go160 => {
                "the first go-plugin that multiplexes, with the gRPC of its time: the same programs, \
                 and its own examples `grpc` and `bidirectional` as they are"
            }
            Self::Go148 => {
                "a go-plugin before socket directories, with the gRPC of its time: the same programs, \
                 and its own examples `grpc` and `bidirectional` as they are"
            }
            Self::Crowdsec => {
                "the dummy notification plugin of Debian's package `crowdsec`, an executable that \
                 was not built for these tests"
            }
            Self::Pyvider => {
                "a host and a plugin written for these tests with pyvider-rpcplugin and grpcio, whose \
                 TLS is BoringSSL's"
            }
            Self::PythonPlugin => {
                "a host and a plugin written for these tests with python-plugin and grpclib, whose \
                 TLS is OpenSSL's"
            }
            Self::Openssl => {
                "the machine's `openssl` command, or that of Debian's package: `req` and `ca` issue, \
                 `verify` judges, `s_client` and `s_server` speak TLS"
            }
        }
    }

    /// What its programs can talk about. Ours can talk about everything, but one is enough among
    /// themselves.
    pub(super) fn services(self) -> &'static [Service] {
        match self {
            Self::Go180 => {
                use Service::{
                    Attached, Bidirectional, Certificates, Example, Multiplexed, Negotiated, Probe,
                    SideChannels, Streaming,
                };
                &[
                    Probe,
                    Example,
                    Negotiated,
                    Streaming,
                    Bidirectional,
                    SideChannels,
                    Multiplexed,
                    Attached,
                    Certificates,
                ]
            }
            Self::Go160 => {
                use Service::{Bidirectional, Example, Multiplexed, Probe, SideChannels};
                &[Probe, Example, Bidirectional, SideChannels, Multiplexed]
            }
            Self::Go148 => {
                use Service::{Bidirectional, Example, Probe, SideChannels};
                &[Probe, Example, Bidirectional, SideChannels]
            }
            Self::Crowdsec => &[Service::Notifier],
            Self::Pyvider => &[Service::Probe, Service::SideChannels, Service::Certificates],
            Self::PythonPlugin => &[Service::Probe, Service::SideChannels],
            Self::Openssl => &[Service::Tools],
            Self::Ours => &[Service::Probe],
        }
    }

    pub(super) fn drives_plugins(self) -> bool {
        self != Self::Crowdsec
    }

    /// Whether it is built on go-plugin.
    pub(super) fn is_go(self) -> bool {
        matches!(self, Self::Go180 | Self::Go160 | Self::Go148 | Self::Crowdsec)
    }

    fn prepare(self) -> Result<Programs> {
        let dir = workspace::root().join("target/interop");
        match self {
            Self::Ours => ours::prepare(),
            Self::Go180 => go::prepare_newest(&dir.join("go-plugin-1.8.0"), "go.mod"),
            Self::Go160 => go::prepare_multiplexing(&dir.join("go-plugin-1.6.0"), "v1.6.0.mod"),
            Self::Go148 => go::prepare(&dir.join("go-plugin-1.4.8"), "v1.4.8.mod"),
            Self::Crowdsec => debian::prepare(&dir.join("crowdsec")),
            Self::Pyvider => python::prepare(&dir.join("venv"), "pyvider"),
            Self::PythonPlugin => python::prepare(&dir.join("venv"), "pyplugin"),
            Self::Openssl => openssl::prepare(&dir.join("openssl")),
        }
    }
}

/// How to start what a peer brings. Each is a program and its first arguments.
#[derive(Debug, Default)]
pub(super) struct Programs {
    pub(super) hosts: Vec<(Service, Vec<OsString>)>,
    pub(super) plugins: Vec<(Service, Vec<OsString>)>,
}

impl Programs {
    /// The host for this pair, ready for the options of the pair.
    pub(super) fn host(&self, pair: &Pair) -> Vec<OsString> {
        find(&self.hosts, pair.service())
    }

    /// The whole command of the plugin for this pair.
    ///
    /// The network is its last argument; a plugin that has no choice ignores it.
    pub(super) fn plugin(&self, pair: &Pair) -> Vec<OsString> {
        let mut command = find(&self.plugins, pair.service());
        command.push(pair.network.word().into());
        command
    }
}

fn find(programs: &[(Service, Vec<OsString>)], service: Service) -> Vec<OsString> {
    let found = programs.iter().find(|(of, _)| *of == service);
    found.map(|(_, command)| command.clone()).unwrap_or_default()
}

/// All peers that some pairs need, set up or with the reason why not.
#[derive(Debug)]
pub(super) struct Peers(BTreeMap<Peer, (Result<Programs, String>, Duration)>);

impl Peers {
    /// Fetches and builds what is not there yet.
    ///
    /// # Errors
    ///
    /// If our own ends cannot be built. A peer that cannot be had is no error.
    pub(super) fn prepare(pairs: &[Pair]) -> Result<Self> {
        let mut peers = BTreeMap::new();
        for peer in Peer::ALL {
            let needs = |pair: &Pair| {
                (pair.host.peer == peer || pair.plugin.peer == peer) && pair.impossible().is_none()
            };
            if !pairs.iter().any(needs) {
                continue;
            }
            eprintln!("interop: setting up {}", peer.name());
            let start = Instant::now();
            let programs = match peer.prepare() {
                Err(error) if peer == Peer::Ours => return Err(error),
                result => result.map_err(|error| format!("{error:#}")),
            };
            match &programs {
                Ok(_) => eprintln!("interop: ready in {:.1} s", start.elapsed().as_secs_f64()),
                Err(reason) => eprintln!("interop: missing: {reason}"),
            }
            peers.insert(peer, (programs, start.elapsed()));
        }
        Ok(Self(peers))
    }

    /// The programs of a peer, or why it is missing.
    pub(super) fn get(&self, peer: Peer) -> Result<&Programs, &str> {
        match self.0.get(&peer) {
            Some((programs, _)) => programs.as_ref().map_err(String::as_str),
            None => Err("not set up"),
        }
    }

    /// Each peer with what is missing of it, if something is, and the time its set-up took.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Peer, Option<&str>, Duration)> {
        self.0.iter().map(|(&peer, (programs, took))| {
            (peer, programs.as_ref().err().map(String::as_str), *took)
        })
    }
}

/// The command of one program and its arguments.
pub(super) fn command(program: PathBuf, arguments: &[&str]) -> Vec<OsString> {
    let arguments = arguments.iter().map(|&argument| argument.into());
    std::iter::once(program.into()).chain(arguments).collect()
}
