//! Attaching to a plugin of somebody else.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::{
    Tls,
    client::{Builder, ShutdownOutcome},
};
use rpcplugin_core::Reattach;
use rpcplugin_proto::kv::kv_client::KvClient;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::{check, expect, stop};

/// Comes to a plugin that somebody started by hand, leaves it running, and comes again.
pub(crate) async fn attach_twice(builder: &Builder, mut command: Command) -> Result<()> {
    let mut plugin = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut line = String::new();
    let mut stdout = BufReader::new(plugin.stdout.take().context("it is piped")?);
    stdout.read_line(&mut line).await?;
    let record = Reattach::from_json(&line, "names")?;
    ensure!(record.test && Some(record.pid) == plugin.id(), "{record:?}");
    for is_first in [true, false] {
        let client = builder.clone().attach(record.clone()).await?;
        if is_first {
            check(&client).await?;
        } else {
            // go-plugin's plugins have side channels for their first host only.
            expect(client.dispense(KvClient::new), "k", "plugin:k").await?;
        }
        let report = client.shutdown().await?;
        ensure!(report.outcome == ShutdownOutcome::Left, "{report}");
    }
    // It runs on, and has a clean end of its own.
    let pid = rustix::process::Pid::from_raw(i32::try_from(record.pid)?).context("a process")?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    let ended = tokio::time::timeout(Duration::from_secs(10), plugin.wait()).await??;
    ensure!(ended.success(), "{ended}");
    Ok(())
}

/// Starts a plugin with mutual TLS, and comes to it a second time by what go-plugin's own record
/// holds, which is no certificate.
pub(crate) async fn refused_without_key(builder: &Builder, command: Command) -> Result<()> {
    let first = builder.clone().spawn(command).await?;
    let mut record = Reattach::new(first.pid(), first.address().clone(), first.version());
    // Nobody's: whatever comes of it, the plugin stays the first host's.
    record.test = true;
    let refusal = async |builder: &Builder| match builder.clone().attach(record.clone()).await {
        Ok(client) => bail!("attached: {client:?}"),
        Err(error) => Ok(error.code()),
    };
    let code = refusal(builder).await?;
    ensure!(code == "SECURITY_REATTACH_NEEDS_TLS", "{code}");
    // It does serve TLS, and nothing else: it hangs up on a host without, or answers with an alert.
    let code = refusal(&builder.clone().tls(Tls::Plaintext)).await?;
    let hung_up = matches!(code, "TRANSPORT_DISCONNECTED" | "PROTOCOL_PEER_NOT_GRPC");
    ensure!(hung_up, "in plaintext: {code}");
    check(&first).await?;
    stop(first).await
}
