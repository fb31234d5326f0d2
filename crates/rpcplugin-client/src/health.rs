//! gRPC's health protocol from the host's side.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::stream::{self, BoxStream};
use rpcplugin_core::{Error, TransportError};
pub use rpcplugin_proto::health::health_check_response::ServingStatus;
use rpcplugin_proto::health::{
    HealthCheckRequest, HealthCheckResponse, health_client::HealthClient,
};
use rpcplugin_transport::{Generation, PluginChannel, error_from_status};
use tokio::time::timeout;
use tokio_stream::Stream;
use tonic::{Code, Status, Streaming};

use crate::connect::is_lost_connection;

/// The name under which go-plugin's hosts and ours ask for a plugin as a whole.
pub(crate) const PLUGIN: &str = "plugin";

/// Time between checks where the plugin does not serve `Watch`.
const FALLBACK_INTERVAL: Duration = Duration::from_secs(10);

/// Wait before a watch that was lost with its connection is opened again.
const REOPEN: Duration = Duration::from_secs(1);

/// Asks once, within `limit`.
///
/// # Errors
///
/// What the plugin's status says; `TRANSPORT_DEADLINE` if there was no answer in time. A plugin
/// without this service name, or without the health service, is no error.
pub(crate) async fn check(
    channel: PluginChannel,
    service: &str,
    limit: Duration,
) -> Result<ServingStatus, Error> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let mut client = HealthClient::new(channel.without_request_timeout());
    let reply = match timeout(limit, client.check(request)).await {
        Ok(reply) => reply,
        Err(_) => {
            let origin = format!("a health check of {limit:?}");
            return Err(TransportError::Deadline { origin }.into());
        }
    };
    match reply {
        Ok(reply) => Ok(reply.into_inner().status()),
        Err(status) if has_no_such_service(&status) => Ok(ServingStatus::ServiceUnknown),
        Err(status) => Err(error_from_status(&status)),
    }
}

/// The health of one service as it changes; made by [`Client::watch_health`](crate::Client::watch_health).
///
/// The first item is the present status. The stream ends when the plugin is gone. A plugin that
/// cannot be watched is asked every 10 s; a watch that is lost with its connection is opened
/// again. Dropping it ends the watch.
pub struct HealthWatch(BoxStream<'static, ServingStatus>);

impl HealthWatch {
    pub(crate) fn new(
        channel: PluginChannel,
        generation: Generation,
        service: String,
        limit: Duration,
    ) -> Self {
        let (source, last) = (Source::Fresh, None);
        let watcher = Watcher { channel, generation, service, limit, source, last };
        Self(Box::pin(stream::unfold(watcher, |mut watcher| async move {
            let status = watcher.next_change().await?;
            Some((status, watcher))
        })))
    }
}

impl Stream for HealthWatch {
    type Item = ServingStatus;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ServingStatus>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for HealthWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthWatch").finish_non_exhaustive()
    }
}

struct Watcher {
    channel: PluginChannel,
    generation: Generation,
    service: String,
    limit: Duration,
    source: Source,
    last: Option<ServingStatus>,
}

/// Where the next status comes from.
enum Source {
    Fresh,
    Stream(Box<Streaming<HealthCheckResponse>>),
    Checks,
    /// None until the plugin is watched again.
    Lost,
}

impl Source {
    /// What comes after a watch that failed in this way.
    fn after(status: &Status) -> Self {
        if is_lost_connection(status) { Self::Lost } else { Self::Checks }
    }
}

impl Watcher {
    async fn next_change(&mut self) -> Option<ServingStatus> {
        loop {
            let status = self.next().await?;
            if self.last.replace(status) != Some(status) {
                return Some(status);
            }
        }
    }

    /// The next status, `None` once the plugin is gone.
    async fn next(&mut self) -> Option<ServingStatus> {
        loop {
            match &mut self.source {
                Source::Fresh => {
                    let request = HealthCheckRequest { service: self.service.clone() };
                    let lasting = self.channel.clone().without_request_timeout();
                    let opened = HealthClient::new(lasting).watch(request).await;
                    self.source = match opened {
                        Ok(stream) => Source::Stream(Box::new(stream.into_inner())),
                        Err(status) => Source::after(&status),
                    };
                    if !matches!(self.source, Source::Stream(_)) {
                        return self.check().await;
                    }
                }
                Source::Stream(stream) => match stream.message().await {
                    Ok(Some(reply)) => return Some(reply.status()),
                    // Some plugins send one status and end the stream.
                    Ok(None) => self.source = Source::Checks,
                    Err(status) => {
                        self.source = Source::after(&status);
                        return self.check().await;
                    }
                },
                Source::Checks => {
                    tokio::select! {
                        () = tokio::time::sleep(FALLBACK_INTERVAL) => return self.check().await,
                        _ = self.generation.wait() => return None,
                    }
                }
                Source::Lost => {
                    tokio::select! {
                        () = tokio::time::sleep(REOPEN) => self.source = Source::Fresh,
                        _ = self.generation.wait() => return None,
                    }
                }
            }
        }
    }

    async fn check(&self) -> Option<ServingStatus> {
        match check(self.channel.clone(), &self.service, self.limit).await {
            Ok(status) => Some(status),
            Err(Error::Transport {
                source: TransportError::PluginGone { .. } | TransportError::ShutDown,
                ..
            }) => None,
            Err(_) => Some(ServingStatus::Unknown),
        }
    }
}

/// "No health service", which is not "sick".
fn has_no_such_service(status: &Status) -> bool {
    matches!(status.code(), Code::NotFound | Code::Unimplemented)
}
