//! Certificates of an authority, ours and others', between our programs and other libraries'.
//!
//! Usage: `cert-host --mode launch|s_client|s_server [--openssl PATH] [--network unix|tcp]
//! [--skip CHECK,CHECK…] -- COMMAND [ARGUMENT…]`
//!
//! With `launch` our host starts a plugin of another library: one that makes certificates of its
//! own if it is told `issue=DIR`, and serves with those of a directory if it is told
//! `certificates=DIR`. With `s_client` our plugin is called through `openssl s_client`, and with
//! `s_server` our host connects to an `openssl s_server`, which is the command.
//!
//! It prints each check as a line of JSON, as the hosts under `tests/peers` do, and exits with 1 if
//! one has failed.
#![expect(clippy::print_stdout, reason = "the checks are what this program prints")]

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::MagicCookie;

mod bridge;
mod launch;
mod openssl;
mod plugin;
#[path = "../interop-host/report.rs"]
mod report;
mod s_client;
mod s_server;

use self::{openssl::Openssl, report::Report};

const COOKIE: MagicCookie = MagicCookie::new("BASIC_PLUGIN", "hello");

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    // Short: sockets lie in it.
    let scratch = tempfile::tempdir()?;
    let dir = scratch.path().to_owned();
    let mut report = Report::new(&arguments.skip);
    match arguments.mode {
        Mode::Launch => launch::check(&arguments, &dir, &mut report).await,
        Mode::SClient => {
            let program = arguments.openssl.clone().context("--openssl is missing")?;
            s_client::check(&Openssl { program, dir }, &arguments, &mut report).await;
        }
        Mode::SServer => {
            let program = PathBuf::from(&arguments.command[0]);
            s_server::check(&Openssl { program, dir }, &mut report).await;
        }
    }
    Ok(report.exit_code())
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Launch,
    SClient,
    SServer,
}

/// What the command line asks for.
#[derive(Debug)]
struct Arguments {
    mode: Mode,
    openssl: Option<PathBuf>,
    is_tcp: bool,
    skip: Vec<String>,
    command: Vec<String>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut mode, mut openssl, mut is_tcp, mut skip) = (None, None, false, Vec::new());
        let mut command = Vec::new();
        while let Some(option) = words.next() {
            if option == "--" {
                command = words.collect();
                break;
            }
            let value = words.next().with_context(|| format!("{option} needs a value"))?;
            match (option.as_str(), value.as_str()) {
                ("--mode", "launch") => mode = Some(Mode::Launch),
                ("--mode", "s_client") => mode = Some(Mode::SClient),
                ("--mode", "s_server") => mode = Some(Mode::SServer),
                ("--openssl", path) => openssl = Some(path.into()),
                ("--network", network) => is_tcp = network == "tcp",
                ("--skip", names) => skip = names.split(',').map(str::to_owned).collect(),
                // These pairs have one way.
                ("--tls", _) => {}
                _ => bail!("unknown option: {option} {value}"),
            }
        }
        ensure!(!command.is_empty(), "no plugin given after --");
        Ok(Self { mode: mode.context("--mode is missing")?, openssl, is_tcp, skip, command })
    }
}
