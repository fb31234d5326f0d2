use std::{error::Error as _, sync::Arc, time::Duration};

use rpcplugin_proto::plugin::{
    StdioData, grpc_stdio_client::GrpcStdioClient, stdio_data::Channel as Wire,
};
use rpcplugin_transport::PluginChannel;
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
    while let Err(status) = read(channel.clone(), message_limit, &buffer).await {
        match status.code() {
            // The plugin has not noticed yet that the stream before is gone: ours, or that of the
            // host before us.
            Code::AlreadyExists => tokio::time::sleep(REOPEN).await,
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

/// Whether the plugin said so itself: what happens to a connection has a cause on this side.
fn is_the_plugins_own(status: &Status) -> bool {
    status.source().is_none()
}
