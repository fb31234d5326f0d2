use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::{client::StdioStream, transport::PluginChannel};
use rpcplugin_core::limits;
use rpcplugin_proto::probe::probe_client::ProbeClient;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::Code;
use tracing::Level;

use crate::{recorder::Recorder, report::Report, session::Session};

/// How long output of the plugin may take to arrive.
const SOON: Duration = Duration::from_secs(5);

/// All kinds of calls, and what the plugin prints and logs.
pub(crate) async fn check(session: &Session, recorder: &Recorder, report: &mut Report<'_>) {
    let probe = session
        .client
        .dispense(ProbeClient::new)
        .max_decoding_message_size(limits::MESSAGE)
        .max_encoding_message_size(limits::MESSAGE);
    report.that("unary", echo(probe.clone(), b"hello".to_vec())).await;
    report.that("large", echo(probe.clone(), b"20 MiB! ".repeat(20 * 1024 * 1024 / 8))).await;
    report.that("server_stream", server_stream(probe.clone())).await;
    report.that("client_stream", client_stream(probe.clone())).await;
    report.that("bidi", bidi(probe.clone())).await;
    report.that("status", status(probe.clone())).await;
    report.that("stdio", stdio(session, probe.clone())).await;
    report.that("log", log(recorder, probe)).await;
}

type Probe = ProbeClient<PluginChannel>;

async fn echo(mut probe: Probe, data: Vec<u8>) -> Result<String> {
    let reply = probe.echo(data.clone()).await?.into_inner();
    ensure!(reply == data, "{} bytes came back as {} others", data.len(), reply.len());
    Ok(format!("{} bytes", data.len()))
}

async fn server_stream(mut probe: Probe) -> Result<String> {
    let replies: Vec<u32> = probe.count(1000).await?.into_inner().collect::<Result<_, _>>().await?;
    ensure!(replies == (0..1000).collect::<Vec<_>>(), "got {} numbers", replies.len());
    Ok("1000 messages".into())
}

async fn client_stream(mut probe: Probe) -> Result<String> {
    let sum = probe.sum(tokio_stream::iter([1, 2, 3, 4])).await?.into_inner();
    ensure!(sum == 10, "1 + 2 + 3 + 4 came back as {sum}");
    Ok("4 messages".into())
}

/// Sends each message only after the answer to the one before.
async fn bidi(mut probe: Probe) -> Result<String> {
    let (sender, receiver) = mpsc::channel(1);
    // Some plugins send no headers before their first message, so the first one is sent early.
    sender.send(b"one".to_vec()).await?;
    let mut replies = probe.chat(ReceiverStream::new(receiver)).await?.into_inner();
    let mut next = Some(b"one".to_vec());
    for following in [Some(b"two".to_vec()), Some(b"three".to_vec()), None] {
        let reply = replies.message().await?;
        ensure!(reply == next, "got {reply:?}, not {next:?}");
        if let Some(message) = &following {
            sender.send(message.clone()).await?;
        }
        next = following;
    }
    drop(sender);
    let rest = replies.message().await?;
    ensure!(rest.is_none(), "the plugin went on after the end of the requests");
    Ok("3 messages each way, in turns".into())
}

async fn status(mut probe: Probe) -> Result<String> {
    let Err(status) = probe.fail("9:not now: später".to_owned()).await else {
        bail!("the call succeeded");
    };
    let got = (status.code(), status.message());
    ensure!(got == (Code::FailedPrecondition, "not now: später"), "got {got:?}");
    Ok("FAILED_PRECONDITION with its message".into())
}

async fn stdio(session: &Session, mut probe: Probe) -> Result<String> {
    let mut stdio = session.client.stdio();
    probe.print("printed by the plugin\n".to_owned()).await?;
    probe.print("stderr:printed as an error\n".to_owned()).await?;
    let expected = [
        (StdioStream::Stdout, "printed by the plugin\n"),
        (StdioStream::Stderr, "printed as an error\n"),
    ];
    let mut printed: HashMap<StdioStream, String> = HashMap::new();
    timeout(SOON, async {
        while !expected
            .iter()
            .all(|(stream, text)| printed.get(stream).is_some_and(|printed| printed.contains(text)))
        {
            let chunk = stdio.next().await.context("the stream has ended")?;
            let text = String::from_utf8_lossy(&chunk.data).into_owned();
            printed.entry(chunk.stream).or_default().push_str(&text);
        }
        anyhow::Ok(())
    })
    .await
    .with_context(|| format!("within 5 s nothing but {printed:?} arrived"))??;
    Ok("both halves arrived through the stdio service".into())
}

async fn log(recorder: &Recorder, mut probe: Probe) -> Result<String> {
    probe.log("warn:logged by the plugin".to_owned()).await?;
    recorder.wait_for(Level::WARN, "logged by the plugin").await?;
    Ok("arrived as a warning".into())
}
