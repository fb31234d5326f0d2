use std::{error::Error as _, sync::Arc, time::Duration};

use rpcplugin_proto::plugin::{
    StdioData, grpc_stdio_client::GrpcStdioClient, stdio_data::Channel as Wire,
};
use rpcplugin_transport::PluginChannel;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::{Buffer, StdioStream};
use crate::connect::is_lost_connection;

/// Wait before a lost stream is opened again.
const REOPEN: Duration = Duration::from_millis(500);

/// Reads what the plugin prints into `buffer` until there is no more to come.
///
/// It ends when the plugin ends its stream, does not have one, or is gone. A connection that was
/// lost while the process lives is followed by another stream.
pub(crate) async fn relay(channel: PluginChannel, message_limit: usize, buffer: Arc<Buffer>) {
    let mut refusals = Refusals::default();
    while let Err(status) = read(channel.clone(), message_limit, &buffer).await {
        if status.code() != Code::AlreadyExists {
            refusals = Refusals::default();
        }
        match status.code() {
            // The plugin has not noticed yet that the stream before is gone: ours, or that of the
            // host before us.
            Code::AlreadyExists => {
                if refusals.are_worth_a_word() {
                    tracing::warn!(
                        "plugin gives its output to another host: what it prints is not seen here"
                    );
                }
                tokio::time::sleep(REOPEN).await;
            }
            Code::Unimplemented | Code::Unavailable if is_the_plugins_own(&status) => {
                tracing::warn!("plugin has no stdio service: what it prints stays with it");
                return;
            }
            _ if is_lost_connection(&status) => tokio::time::sleep(REOPEN).await,
            code => {
                tracing::debug!(?code, "the stream of the plugin's output ended");
                return;
            }
        }
    }
}

async fn read(channel: PluginChannel, limit: usize, buffer: &Buffer) -> Result<(), Status> {
    let mut client =
        GrpcStdioClient::new(channel.without_request_timeout()).max_decoding_message_size(limit);
    let mut stream = client.stream_stdio(()).await?.into_inner();
    while let Some(StdioData { channel, data }) = stream.message().await? {
        let stream = match Wire::try_from(channel) {
            Ok(Wire::Stdout) => StdioStream::Stdout,
            Ok(Wire::Stderr) => StdioStream::Stderr,
            Ok(Wire::Invalid) | Err(_) => continue,
        };
        if !data.is_empty() {
            buffer.push(stream, &data);
        }
    }
    Ok(())
}

/// A stream that the plugin refuses because it has one already.
#[derive(Default)]
struct Refusals {
    since: Option<Instant>,
    told: bool,
}

impl Refusals {
    /// A plugin that lost its host has noticed it by then.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// Notes another one. True once, when they have gone on for too long.
    fn are_worth_a_word(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        let is_due = !self.told && since.elapsed() >= Self::PATIENCE;
        self.told |= is_due;
        is_due
    }
}

/// Whether the plugin said so itself: what happens to a connection has a cause on this side.
fn is_the_plugins_own(status: &Status) -> bool {
    status.source().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_plugin_whose_output_another_host_has_is_told_once_and_not_at_once() {
        let mut refusals = Refusals::default();
        let mut told = Vec::new();
        for attempt in 0..100 {
            if refusals.are_worth_a_word() {
                told.push(attempt);
            }
            tokio::time::sleep(REOPEN).await;
        }
        assert_eq!(told, [10]);
    }
}
