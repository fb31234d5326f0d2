use std::{ffi::OsString, io::Write};

use clap::Args;
use rpcplugin::{Client, client::ServingStatus};
use serde_json::json;
use tokio_stream::StreamExt as _;

use crate::{
    failure::Failure,
    launch::Launch,
    output::{Answer, BAD, GOOD, Output, Writer},
};

/// Say whether a plugin, or one of its services, is healthy: exit code 0 if it serves, 1 if not.
///
/// It is asked by gRPC's health protocol. A plugin without that protocol, and one that does not
/// know the service, is not healthy.
#[derive(Args, Debug)]
#[command(override_usage = "rpcplugin health [OPTIONS] <PLUGIN> [SERVICE]\n       \
                            rpcplugin health [OPTIONS] [SERVICE] -- <PROGRAM> [ARGUMENTS]...")]
pub(crate) struct Health {
    /// The plugin's program; not with --attach, --connect or a program after --.
    #[arg(value_name = "PLUGIN")]
    first: Option<OsString>,
    /// The service to ask about [default: the plugin as a whole].
    #[arg(value_name = "SERVICE")]
    second: Option<OsString>,
    /// Go on, and show each change until the plugin ends.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    launch: Box<Launch>,
}

/// What plugins of go-plugin call themselves as a whole.
const WHOLE: &str = "plugin";

impl Health {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let Self { first, second, watch, launch } = self;
        let (plugin, [service]) = launch.words([first, second])?;
        let service = service.map(|name| name.to_string_lossy().into_owned());
        let service = service.unwrap_or_else(|| WHOLE.to_owned());
        launch.plan(plugin)?.run(out, async |plugin| {
            let pieces = out.pieces(1)?;
            let writer = pieces.writer();
            let healthy = match watch {
                true => follow(plugin, writer, &service).await,
                false => {
                    let status = plugin.health(&service).await?;
                    show(writer, &service, status).await;
                    status == ServingStatus::Serving
                }
            };
            pieces.finish().await?;
            Ok(Answer::of(healthy))
        })
    }
}

/// Shows each status until the plugin ends, which is not healthy; or until nobody reads.
async fn follow(plugin: &Client, writer: &Writer, service: &str) -> bool {
    let mut changes = plugin.watch_health(service);
    let mut healthy = false;
    loop {
        let status = tokio::select! {
            status = changes.next() => status,
            () = writer.closed() => return healthy,
        };
        let Some(status) = status else { return false };
        healthy = status == ServingStatus::Serving;
        if !show(writer, service, status).await {
            return healthy;
        }
    }
}

async fn show(writer: &Writer, service: &str, status: ServingStatus) -> bool {
    let name = status.as_str_name();
    let healthy = status == ServingStatus::Serving;
    let json = || json!({ "service": service, "status": name, "healthy": healthy });
    let text = |f: &mut dyn Write| {
        let style = if healthy { GOOD } else { BAD };
        writeln!(f, "{service}: {style}{name}{style:#}")
    };
    writer.write(json, text).await
}
