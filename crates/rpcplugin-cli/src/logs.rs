use std::{
    ffi::OsString,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use clap::{Args, ValueEnum};
use rpcplugin::{
    Client,
    client::{Stdio, StdioStream},
    core::ExitStatus,
};
use tokio::time::timeout;
use tracing::Level;

use crate::{
    failure::Failure,
    launch::Launch,
    output::{Answer, Output, Writer},
    words::{Line, listen},
};

/// Show what a plugin logs and prints, from its start on.
///
/// The log is what it writes to stderr: lines of hclog are taken apart, and what names no level
/// counts as debug. What it prints after its handshake is shown with the stream's name.
///
/// Without --follow the plugin is started and stopped at once. A plugin decides by itself what it
/// logs: --env PLUGIN_LOG_LEVEL=DEBUG tells one of rpcplugin, --env TF_LOG=DEBUG one of Terraform.
///
/// Exit codes: 0, or with --follow 1 if the plugin ended by itself, and not with exit code 0.
#[derive(Args, Debug)]
#[command(override_usage = "rpcplugin logs [OPTIONS] <PLUGIN>\n       \
                            rpcplugin logs [OPTIONS] -- <PROGRAM> [ARGUMENTS]...")]
pub(crate) struct Logs {
    /// The plugin's program; not with --attach, --connect or a program after --.
    plugin: Option<OsString>,
    /// Go on until the plugin ends.
    #[arg(long, short)]
    follow: bool,
    /// The lowest level to show.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Lowest::Trace)]
    level: Lowest,
    #[command(flatten)]
    launch: Box<Launch>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Lowest {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Lowest {
    const fn level(self) -> Level {
        match self {
            Self::Trace => Level::TRACE,
            Self::Debug => Level::DEBUG,
            Self::Info => Level::INFO,
            Self::Warn => Level::WARN,
            Self::Error => Level::ERROR,
        }
    }
}

/// Lines that may wait for a reader before some are left out.
const WAITING: usize = 4096;

impl Logs {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let Self { plugin, follow, level, mut launch } = self;
        let (plugin, []) = launch.words([plugin])?;
        launch.set("PLUGIN_LOG_LEVEL", level.level().as_str());
        let plan = launch.plan(plugin)?;
        let pieces = out.pieces(WAITING)?;
        let (writer, missed) = (pieces.writer().clone(), AtomicU64::new(0));
        let show = move |line: Line| writer.try_write(|| line.to_json(), |f| line.show(f));
        listen(move |line| {
            if line.level.is_some_and(|own| own > level.level()) {
                return;
            }
            // The plugin must not wait for whoever reads this.
            let before = missed.load(Ordering::Relaxed);
            if before > 0 && show(Line::missed(before)) {
                missed.fetch_sub(before, Ordering::Relaxed);
            }
            if !show(line) {
                missed.fetch_add(1, Ordering::Relaxed);
            }
        });
        let writer = pieces.writer().clone();
        let outcome = plan.run(out, async |plugin| work(plugin, &writer, follow).await);
        pieces.abandon()?;
        outcome
    }
}

async fn work(plugin: &Client, writer: &Writer, follow: bool) -> Result<Answer, Failure> {
    let printing = tokio::spawn(print(plugin.stdio(), writer.clone()));
    let answer = match follow {
        true => tokio::select! {
            report = plugin.exited() => Answer::of(report.status == Some(ExitStatus::Code(0))),
            () = writer.closed() => return Ok(Answer::Yes),
        },
        false => {
            // Whether it stops in order is none of its words.
            let _ = plugin.clone().shutdown().await;
            Answer::Yes
        }
    };
    // It ends with the plugin.
    let _ = timeout(Duration::from_secs(2), printing).await;
    Ok(answer)
}

/// Shows what comes over the stdio service, line by line.
async fn print(mut stdio: Stdio, writer: Writer) {
    /// A longer line is shown in parts.
    const LONGEST: usize = 16 * 1024;
    let mut begun: [(&str, Vec<u8>); 2] = [("stdout", Vec::new()), ("stderr", Vec::new())];
    let show = async |stream, line: &[u8]| {
        let line = Line::printed(stream, line.strip_suffix(b"\r").unwrap_or(line));
        writer.write(|| line.to_json(), |f| line.show(f)).await;
    };
    while let Some(chunk) = stdio.next().await {
        let (stream, begun) = &mut begun[usize::from(chunk.stream == StdioStream::Stderr)];
        for byte in chunk.data {
            if byte == b'\n' || begun.len() == LONGEST {
                show(stream, begun).await;
                begun.clear();
            }
            if byte != b'\n' {
                begun.push(byte);
            }
        }
    }
    for (stream, rest) in begun.iter().filter(|(_, rest)| !rest.is_empty()) {
        show(stream, rest).await;
    }
}
