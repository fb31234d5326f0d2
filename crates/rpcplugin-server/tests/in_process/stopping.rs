use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use rpcplugin_proto::{
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
    plugin::{
        Empty, grpc_controller_client::GrpcControllerClient, grpc_stdio_client::GrpcStdioClient,
    },
};
use rpcplugin_server::PluginSet;
use tonic::Code;
use tower_service::Service as _;

use crate::{Running, probe, refused, with};

#[tokio::test]
async fn shutdown_is_answered_and_calls_in_progress_finish() {
    let running = Running::probe().await;
    let channel = running.channel().await;
    let mut slow = running.client().await;
    let mut after = slow.clone();
    let slow = tokio::spawn(async move { slow.sleep(300).await });
    let mut health = HealthClient::new(channel.clone());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let mut stdio =
        GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap().into_inner();
    // The slow call arrives before the stop is asked for: calls of one connection keep their order.
    after.echo(Vec::new()).await.unwrap();

    let mut controller = GrpcControllerClient::new(channel.clone());
    controller.shutdown(Empty {}).await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    slow.await.unwrap().unwrap();
    assert!(watch.next().await.is_none(), "the watch ends in order");
    assert!(stdio.next().await.is_none(), "the stdio stream ends in order");
    running.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_longer_than_the_grace_period_are_cut() {
    let server = with(PluginSet::new().service(probe::service()))
        .grpc_grace_period(Duration::from_millis(200));
    let running = Running::start(server).await;
    let mut client = running.client().await;
    let mut after = client.clone();
    let slow = tokio::spawn(async move { client.sleep(30_000).await });
    after.echo(Vec::new()).await.unwrap();
    let start = Instant::now();
    running.handle.shutdown(Duration::from_millis(200)).await;
    assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    assert_eq!(slow.await.unwrap().unwrap_err().code(), Code::Unavailable);
    running.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_drain_refuses_new_calls_and_keeps_the_connection() {
    let running = Running::probe().await;
    let mut client = running.client().await;
    running.handle.drain().await.unwrap();
    let status = client.echo(Vec::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let mut health = HealthClient::new(running.channel().await);
    let answer = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::NotServing);
    assert!(!running.served.is_finished());
}

#[tokio::test]
async fn a_drain_that_takes_too_long_says_so() {
    let server = with(PluginSet::new().service(probe::service()))
        .grpc_grace_period(Duration::from_millis(50));
    let running = Running::start(server).await;
    let mut client = running.client().await;
    let mut after = client.clone();
    let slow = tokio::spawn(async move { client.sleep(200).await });
    after.echo(Vec::new()).await.unwrap();
    assert_eq!(running.handle.drain().await.unwrap_err().code(), "TRANSPORT_DEADLINE");
    slow.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_handle_tells_where_the_server_is_and_that_it_ended() {
    let running = Running::probe().await;
    assert!(running.handle.address().is_some());
    assert!(running.handle.certificate().is_none(), "plaintext");
    running.handle.shutdown(Duration::from_secs(1)).await;
    assert!(running.handle.address().is_none());
    assert_eq!(running.handle.ready().await.unwrap_err().code(), "TRANSPORT_SHUT_DOWN");
}

#[tokio::test(start_paused = true)]
async fn ready_gives_up_on_a_server_that_never_starts() {
    let server = with(PluginSet::new()).server_ready_timeout(Duration::from_secs(3));
    let start = tokio::time::Instant::now();
    assert_eq!(server.handle().ready().await.unwrap_err().code(), "TRANSPORT_DEADLINE");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test]
async fn ready_fails_when_the_start_failed() {
    let server = with(PluginSet::new()).require_tls();
    let handle = server.handle();
    assert_eq!(refused(server).await.code(), "SECURITY_TLS_REQUIRED");
    assert_eq!(handle.ready().await.unwrap_err().code(), "TRANSPORT_SHUT_DOWN");
}

#[tokio::test]
async fn a_connection_that_said_nothing_holds_no_stop_up() {
    let running = Running::probe().await;
    let mut connector = running.connector.clone();
    let _silent = connector.call(http::Uri::from_static("http://localhost")).await.unwrap();
    // It was accepted: connections keep their order.
    running.client().await.echo(Vec::new()).await.unwrap();
    let start = Instant::now();
    running.handle.shutdown(Duration::from_secs(30)).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_grace_without_end_stops_like_any_other() {
    let running = Running::probe().await;
    running.handle.shutdown(Duration::MAX).await;
    running.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn dropping_the_server_ends_its_connections() {
    let running = Running::probe().await;
    let mut client = running.client().await;
    client.echo(Vec::new()).await.unwrap();
    running.served.abort();
    let gone = tokio::time::timeout(Duration::from_secs(5), client.sleep(60_000)).await;
    assert_eq!(gone.unwrap().unwrap_err().code(), Code::Unavailable);
}
