//! Connections that come late, or not at all.

use std::time::{Duration, Instant};

use http::Uri;
use hyper_util::rt::TokioIo;
use rpcplugin_core::Error;
use rpcplugin_transport::{ChannelOptions, Connector, EndReason, Generation, PluginChannel};
use tokio::io::DuplexStream;

use crate::support::within;

fn never() -> impl Connector<Io = DuplexStream> {
    tower::service_fn(|_: Uri| std::future::pending::<Result<TokioIo<DuplexStream>, Error>>())
}

#[tokio::test]
async fn a_connection_that_never_comes_times_out() {
    let options = ChannelOptions::new().connection_timeout(Duration::from_millis(100));
    let begun = Instant::now();
    let error = PluginChannel::connect(never(), options, Generation::new()).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_CONNECT_TIMEOUT");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_generation_that_ends_stops_the_connecting() {
    let generation = Generation::new();
    let connecting = tokio::spawn({
        let generation = generation.clone();
        async move { PluginChannel::connect(never(), ChannelOptions::new(), generation).await }
    });
    tokio::task::yield_now().await;
    generation.end(EndReason::ShutDown);
    let error = within(1, connecting).await.unwrap().unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_SHUT_DOWN");
}

#[tokio::test]
async fn the_connectors_error_is_the_error() {
    let refusing = tower::service_fn(|_: Uri| async {
        Err::<TokioIo<DuplexStream>, Error>(rpcplugin_core::SecurityError::CertMissing.into())
    });
    let error = crate::support::connect(refusing).await.unwrap_err();
    assert_eq!(error.code(), "SECURITY_CERT_MISSING");
}
