//! The proof that a plugin answers: connected is not ready.

use std::{
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response, header::CONTENT_TYPE};
use rpcplugin_core::{Error, ProtocolError, escape};
use rpcplugin_proto::health::{HealthCheckRequest, health_client::HealthClient};
use rpcplugin_transport::{ChannelBody, PluginChannel, error_from_status};
use tonic::{Status, body::Body};
use tower_service::Service;

use crate::health::PLUGIN;

/// Waits for the first answer of the plugin. Any gRPC reply will do, a refusal included: what
/// counts is that a gRPC server with the right key is at work there. The caller bounds the wait.
///
/// # Errors
///
/// `SECURITY_…` if the plugin turned this host away, which TLS 1.3 tells only now;
/// `PROTOCOL_PEER_NOT_GRPC` if it is no gRPC server; else why the connection was lost.
pub(crate) async fn first_answer(channel: PluginChannel) -> Result<(), Error> {
    let heard = Heard::default();
    let channel = channel.without_request_timeout();
    let listening = Listening { channel, heard: heard.clone() };
    let request = HealthCheckRequest { service: PLUGIN.to_owned() };
    let Err(status) = HealthClient::new(listening).check(request).await else { return Ok(()) };
    match heard.get() {
        Some(content_type) if content_type.starts_with("application/grpc") => Ok(()),
        Some(content_type) => Err(ProtocolError::PeerNotGrpc {
            detail: format!("it answered over HTTP/2 with content type \"{content_type}\""),
        }
        .into()),
        None => Err(classify(&status)),
    }
}

/// What it means that there was no answer.
fn classify(status: &Status) -> Error {
    #[cfg(feature = "tls")]
    if let Some(error) = rpcplugin_tls::explain(status) {
        return error.into();
    }
    error_from_status(status)
}

/// The content type of the first response, escaped.
type Heard = Arc<OnceLock<String>>;

/// A channel that notes what kind of response comes. tonic takes the error page of any HTTP
/// server for a gRPC status.
#[derive(Clone)]
struct Listening {
    channel: PluginChannel,
    heard: Heard,
}

impl Service<Request<Body>> for Listening {
    type Response = Response<ChannelBody>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answering = self.channel.call(request);
        let heard = self.heard.clone();
        Box::pin(async move {
            let response = answering.await?;
            let content_type = response.headers().get(CONTENT_TYPE);
            let _ = heard.set(escape(content_type.map_or(b"", |value| value.as_bytes())));
            Ok(response)
        })
    }
}
