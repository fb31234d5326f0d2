//! The whole call obeys its deadline, and the plugin hears of it.

use std::time::{Duration, Instant};

use futures_util::stream;
use rpcplugin_transport::{ChannelOptions, error_from_status};
use tonic::{Code, Request, Status};

use crate::support::{Host, within};

#[track_caller]
fn passed(status: &Status, origin: &str) {
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let error = error_from_status(status);
    assert_eq!(error.code(), "TRANSPORT_DEADLINE");
    assert_eq!(error.to_string(), format!("no answer in time: {origin}"));
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_is_cancelled() {
    let host = Host::new().await;
    let mut request = Request::new(600_000);
    request.set_timeout(Duration::from_millis(100));
    let begun = Instant::now();
    let status = host.client().sleep(request).await.unwrap_err();
    passed(&status, "the caller allowed 100ms");
    assert!(begun.elapsed() < Duration::from_secs(2));
    within(5, host.plugin.seen.open(0)).await;
    assert!(host.client().echo(vec![]).await.is_ok());
}

#[tokio::test]
async fn the_deadline_covers_the_body_of_a_silent_stream() {
    let host = Host::new().await;
    let mut request = Request::new(stream::pending());
    request.set_timeout(Duration::from_millis(100));
    let mut replies = host.client().chat(request).await.unwrap().into_inner();
    passed(&replies.message().await.unwrap_err(), "the caller allowed 100ms");
    within(5, host.plugin.seen.open(0)).await;
}

#[tokio::test]
async fn the_deadline_covers_a_stream_that_never_pauses() {
    let host = Host::new().await;
    let mut request = Request::new(u32::MAX);
    request.set_timeout(Duration::from_millis(100));
    let mut numbers = host.client().count(request).await.unwrap().into_inner();
    let status = within(20, async {
        loop {
            if let Err(status) = numbers.message().await {
                break status;
            }
        }
    })
    .await;
    passed(&status, "the caller allowed 100ms");
}

#[tokio::test]
async fn the_channels_timeout_is_for_calls_without_a_deadline() {
    let options = ChannelOptions::new().request_timeout(Duration::from_millis(100));
    let host = Host::with(options).await;
    passed(&host.client().sleep(600_000).await.unwrap_err(), "request_timeout allows 100ms");

    let mut request = Request::new(300);
    request.set_timeout(Duration::from_secs(60));
    host.client().sleep(request).await.unwrap();

    let channel = host.channel.clone().without_request_timeout();
    crate::support::client(&channel).sleep(300).await.unwrap();
}
