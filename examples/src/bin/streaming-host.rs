//! Calls a plugin in each way that gRPC knows: `streaming-host ./streaming-plugin`.

use miette::{IntoDiagnostic as _, miette};
use rpcplugin::Client;
use rpcplugin_examples::COOKIE;
use rpcplugin_proto::text::{Line, text_client::TextClient};
use tokio::process::Command;

#[tokio::main]
async fn main() -> miette::Result<()> {
    let program =
        std::env::args_os().nth(1).ok_or_else(|| miette!("usage: streaming-host PLUGIN"))?;
    let plugin = Client::builder(COOKIE).spawn(Command::new(program)).await?;
    let mut text = plugin.dispense(TextClient::new);

    let reply = text.upper(line("hello")).await.into_diagnostic()?;
    show("unary", &reply.into_inner());

    let mut words = text.split(line("one two three")).await.into_diagnostic()?.into_inner();
    while let Some(word) = words.message().await.into_diagnostic()? {
        show("server stream", &word);
    }

    let lines = tokio_stream::iter(["three", "lines", "joined"].map(line));
    let reply = text.join(lines).await.into_diagnostic()?;
    show("client stream", &reply.into_inner());

    // Each line is sent only when the answer to the one before it has come.
    let (sender, lines) = tokio::sync::mpsc::channel(1);
    let lines = tokio_stream::wrappers::ReceiverStream::new(lines);
    let mut answers = text.reverse(lines).await.into_diagnostic()?.into_inner();
    for word in ["live", "stressed"] {
        sender.send(line(word)).await.into_diagnostic()?;
        let answer = answers.message().await.into_diagnostic()?;
        show("bidirectional", &answer.ok_or_else(|| miette!("the plugin ended the stream"))?);
    }

    plugin.shutdown().await?;
    Ok(())
}

fn line(text: &str) -> Line {
    Line { text: text.into() }
}

#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
fn show(kind: &str, line: &Line) {
    println!("{kind}: {}", line.text);
}
