//! Readiness, `ping`, `health`, `watch_health`, and the liveness probe.

use std::time::Duration;

use http::Request;
use rpcplugin_client::{ServingStatus, Timings};
use rpcplugin_core::Address;
use rpcplugin_transport::error_from_status;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tower::Service as _;

use crate::fake::{Behaviour, Fake, Started, within};

#[tokio::test]
async fn a_plugin_without_a_health_service_is_ready_and_alive() {
    let Started { plugin, rest: _rest } = Fake::new(Behaviour::default()).await.start().await;
    within(plugin.ping()).await.unwrap();
    assert_eq!(within(plugin.health("x")).await.unwrap(), ServingStatus::ServiceUnknown);
    assert_eq!(plugin.version(), 1);
    assert!(matches!(plugin.address(), Address::Tcp(_)));
    let Timings { spawn, handshake, ready, .. } = plugin.timings();
    assert!(!spawn.is_zero() && !handshake.is_zero() && !ready.is_zero());
    assert!(plugin.uptime() >= handshake);
    #[cfg(target_os = "linux")]
    assert!(plugin.usage().is_some_and(|usage| usage.memory > 0 && usage.descriptors >= 3));
    within(plugin.kill()).await;
    assert_eq!(plugin.usage(), None);
}

#[tokio::test]
async fn health_is_told_and_watched_until_the_end() {
    let (health, told) = watch::channel(ServingStatus::Serving);
    let behaviour = Behaviour { health: Some(told), ..Behaviour::default() };
    let Started { plugin, rest: _rest } = Fake::new(behaviour).await.start().await;
    assert_eq!(within(plugin.health("")).await.unwrap(), ServingStatus::Serving);
    let mut watch = plugin.watch_health("plugin");
    assert_eq!(within(watch.next()).await, Some(ServingStatus::Serving));
    health.send_replace(ServingStatus::NotServing);
    assert_eq!(within(watch.next()).await, Some(ServingStatus::NotServing));
    // It answers, so it is alive, however it feels.
    within(plugin.ping()).await.unwrap();
    within(plugin.kill()).await;
    assert_eq!(within(watch.next()).await, None);
}

#[tokio::test]
async fn a_plugin_that_cannot_be_watched_is_asked() {
    let Started { plugin, rest: _rest } = Fake::new(Behaviour::default()).await.start().await;
    let mut watch = plugin.watch_health("plugin");
    assert_eq!(within(watch.next()).await, Some(ServingStatus::ServiceUnknown));
    let waiting = tokio::spawn(async move { watch.next().await });
    within(plugin.kill()).await;
    assert_eq!(within(waiting).await.unwrap(), None);
}

#[tokio::test]
async fn a_watch_that_is_lost_with_its_connection_is_opened_again() {
    let (health, told) = watch::channel(ServingStatus::Serving);
    let behaviour = Behaviour { health: Some(told), ..Behaviour::default() };
    let mut checks = behaviour.checks.subscribe();
    let Started { plugin, rest: _rest } = Fake::new(behaviour).await.start().await;
    let mut watch = plugin.watch_health("plugin");
    assert_eq!(within(watch.next()).await, Some(ServingStatus::Serving));
    let waiting = tokio::spawn(async move { watch.next().await });
    let asked = *checks.borrow_and_update();
    plugin.channel().cut("a test");
    // The status in between is the same.
    within(checks.wait_for(|count| *count > asked)).await.unwrap();
    health.send_replace(ServingStatus::NotServing);
    // Sooner than a plugin that cannot be watched is asked.
    let next = tokio::time::timeout(Duration::from_secs(5), waiting).await;
    assert_eq!(next.expect("it is not watched").unwrap(), Some(ServingStatus::NotServing));
    within(plugin.kill()).await;
}

#[tokio::test]
async fn a_probe_that_is_answered_cuts_nothing() {
    let (_health, told) = watch::channel(ServingStatus::NotServing);
    let behaviour = Behaviour { health: Some(told), ..Behaviour::default() };
    let mut checks = behaviour.checks.subscribe();
    let Started { plugin, rest: _rest } = Fake::new(behaviour)
        .await
        .with(|builder| builder.grpc_keepalive_time(Duration::from_secs(1)))
        .start()
        .await;
    let request = Request::post("/hang").body(Body::empty()).unwrap();
    let mut channel = plugin.channel();
    let call = tokio::spawn(async move { channel.call(request).await.map(|_| ()) });
    // The first is the start's, the others are probes.
    within(checks.wait_for(|count| *count >= 3)).await.unwrap();
    assert!(!call.is_finished());
    within(plugin.kill()).await;
    assert!(within(call).await.unwrap().is_err());
}

#[tokio::test]
async fn a_connection_without_a_free_stream_is_not_a_dead_plugin() {
    let (_health, told) = watch::channel(ServingStatus::Serving);
    let behaviour = Behaviour { health: Some(told), most_streams: Some(1), ..Behaviour::default() };
    let mut checks = behaviour.checks.subscribe();
    let Started { plugin, rest: _rest } = Fake::new(behaviour)
        .await
        .with(|builder| {
            builder
                .grpc_keepalive_time(Duration::from_secs(1))
                .grpc_keepalive_timeout(Duration::from_millis(500))
        })
        .start()
        .await;
    let request = Request::post("/hang").body(Body::empty()).unwrap();
    let mut channel = plugin.channel();
    let call = tokio::spawn(async move { channel.call(request).await.map(|_| ()) });
    within(checks.wait_for(|count| *count >= 3)).await.unwrap();
    assert!(!call.is_finished());
    within(plugin.kill()).await;
}

#[tokio::test]
async fn a_plugin_that_answers_no_more_is_cut_off() {
    let (_health, told) = watch::channel(ServingStatus::Serving);
    let behaviour = Behaviour { health: Some(told), ..Behaviour::default() };
    let Started { plugin, rest } = Fake::new(behaviour.clone())
        .await
        .with(|builder| {
            builder
                .grpc_keepalive_time(Duration::from_secs(1))
                .grpc_keepalive_timeout(Duration::from_millis(200))
                // Not an answer of the plugin's.
                .request_timeout(Duration::from_millis(50))
        })
        .start()
        .await;
    behaviour.deaf.send_replace(true);
    let request = Request::post("/hang").body(Body::empty()).unwrap();
    let mut channel = plugin.channel().without_request_timeout();
    let status = within(channel.call(request)).await.unwrap_err();
    assert_eq!(error_from_status(&status).code(), "TRANSPORT_DEADLINE");
    within(plugin.kill()).await;
    rest.assert_clean(plugin.pid());
}
