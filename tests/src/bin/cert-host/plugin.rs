//! Our plugin, started by an operator, and what a host asks of it.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use rpcplugin::{Client, Tls, client::Builder};
use rpcplugin_core::Address;
use rpcplugin_proto::probe::probe_client::ProbeClient;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{Arguments, COOKIE};

/// How long one step may take on a machine that is busy with others.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Our plugin, with the certificates of a directory.
pub(crate) struct Plugin {
    child: Child,
    pub(crate) address: Address,
}

impl Plugin {
    pub(crate) async fn start(arguments: &Arguments, dir: &Path) -> Result<Self> {
        let socket = dir.join("socket").display().to_string();
        let at = if arguments.is_tcp { "tcp" } else { &socket };
        let mut command = command(arguments);
        command.arg(format!("certificates={}", dir.display())).arg(format!("standalone={at}"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start our plugin")?;
        let mut stdout = BufReader::new(child.stdout.take().context("its stdout was piped")?);
        let mut line = String::new();
        tokio::time::timeout(LIMIT, stdout.read_line(&mut line)).await??;
        let line = line.trim();
        ensure!(!line.is_empty(), "our plugin does not serve");
        let address = match arguments.is_tcp {
            true => Address::Tcp(line.parse()?),
            false => Address::Unix(line.into()),
        };
        Ok(Self { child, address })
    }

    /// Stops it, and returns what it has logged.
    pub(crate) async fn stop(mut self) -> Result<String> {
        let pid = self.child.id().context("it still runs")?;
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).context("no process number")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().context("its stderr was piped")?;
        tokio::time::timeout(LIMIT, stderr.read_to_string(&mut log)).await??;
        let status = self.child.wait().await?;
        ensure!(status.success(), "our plugin ended with {status}: {log}");
        Ok(log)
    }
}

/// The command of the plugin.
pub(crate) fn command(arguments: &Arguments) -> Command {
    let mut command = Command::new(&arguments.command[0]);
    command.args(&arguments.command[1..]);
    command
}

/// A host of ours.
pub(crate) fn host(tls: Tls) -> Builder {
    Client::builder(COOKIE).versions([2]).tls(tls).start_timeout(LIMIT)
}

/// A call there and back.
pub(crate) async fn call(client: &Client) -> Result<()> {
    let mut probe = client.dispense(ProbeClient::new);
    let reply = probe.echo(b"hello".to_vec()).await?.into_inner();
    ensure!(reply == b"hello", "hello came back as {reply:?}");
    Ok(())
}
