use std::time::Duration;

use rpcplugin_broker::{Role, Services};
use rpcplugin_transport::serving::{RpcService, boxed};
use rpcplugin_transport::{EndReason, Generation};
use tokio::time::Instant;
use tonic::Code;

use crate::{
    raw::{RawHost, announcement, late_headers},
    support::{Alone, Pair, Setup, Task, ask, connected, eventually, names, service_of, within},
};

#[tokio::test]
async fn a_second_stream_takes_over_from_one_that_ended() {
    let Pair { host, plugin, serving, running: _running } = Pair::new(Setup::default()).await;
    let generation = host.generation.clone();
    let (host, plugin) = (&host.broker, &plugin.broker);
    let first = plugin.serve(names("first")).await.unwrap();
    let before = host.dial(first.id()).await.unwrap();
    drop(serving);
    within(2, async {
        while host.dial(77).await.unwrap_err().code() != "TRANSPORT_DISCONNECTED" {}
    })
    .await;

    let (channel, _serving) = connected(service_of(plugin), &generation).await;
    let again = host.clone();
    let _running = Task::spawn(async move {
        let _ = again.run(channel).await;
    });
    for (server, dialler) in [(plugin, host), (host, plugin)] {
        let served = server.serve(names("second")).await.unwrap();
        let channel = dialler.dial(served.id()).await.unwrap();
        assert_eq!(ask(&channel, "k").await.unwrap(), "second:k");
    }
    assert_eq!(ask(&before, "k").await.unwrap(), "first:k", "its owner still holds it");
}

#[tokio::test]
async fn a_second_stream_ends_the_first_and_begins_with_an_empty_book() {
    let plugin = Alone::new(Role::Plugin, &Setup::default());
    let mut first = RawHost::new(&plugin).await;
    first.announce(1, "unix", "/first").await;
    eventually(|| plugin.broker.counts().unclaimed == 1).await;
    let waiting = tokio::spawn({
        let broker = plugin.broker.clone();
        async move { broker.dial(2).await }
    });
    tokio::task::yield_now().await;

    let mut second = RawHost::new(&plugin).await;
    let error = within(1, waiting).await.unwrap().unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_DISCONNECTED");
    assert!(within(1, first.hear.message()).await.unwrap().is_none());
    assert_eq!(plugin.broker.counts().unclaimed, 0);
    second.announce(1, "unix", "/second").await;
    eventually(|| plugin.broker.counts().unclaimed == 1).await;
    let served = plugin.broker.serve(names("x")).await.unwrap();
    let heard = within(1, second.hear.message()).await.unwrap().unwrap();
    assert_eq!(heard.service_id, served.id().get());
}

#[tokio::test]
async fn a_plugin_that_sends_no_headers_is_talked_to() {
    let host = Alone::new(Role::Host, &Setup::default());
    let (service, mut heard, say) = late_headers();
    let (channel, _serving) = connected(boxed(service), &host.generation).await;
    let broker = host.broker.clone();
    let _running = Task::spawn(async move {
        let _ = broker.run(channel).await;
    });
    let served = within(2, host.broker.serve(names("x"))).await.unwrap();
    let message = within(2, heard.recv()).await.unwrap();
    assert_eq!(message.service_id, served.id().get());
    say.send(announcement(5, "unix", &message.address)).await.unwrap();
    let channel = within(2, host.broker.dial(5)).await.unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "x:k");
}

#[tokio::test]
async fn a_plugin_without_a_broker_is_unavailable_at_once() {
    let host = Alone::new(Role::Host, &Setup::default());
    let waiting = tokio::spawn({
        let broker = host.broker.clone();
        async move { broker.dial(1).await }
    });
    tokio::task::yield_now().await;
    let generation = Generation::new();
    let nothing = RpcService::new(tower::service_fn(async |_| {
        Ok::<_, std::convert::Infallible>(tonic::Status::unimplemented("").into_http())
    }));
    let (channel, _serving) = connected(nothing, &generation).await;
    let start = Instant::now();
    let status = host.broker.run(channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_BROKER_UNAVAILABLE");
    let error = host.broker.serve(Services::new()).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_BROKER_UNAVAILABLE");
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(host.sockets(), 0);
}

#[tokio::test]
async fn the_stream_ends_well_with_the_generation_of_either_side() {
    for side in [Role::Host, Role::Plugin] {
        let host = Alone::new(Role::Host, &Setup::default());
        let plugin = Alone::new(Role::Plugin, &Setup::default());
        let (channel, _serving) = connected(service_of(&plugin.broker), &Generation::new()).await;
        let running = tokio::spawn({
            let broker = host.broker.clone();
            async move { broker.run(channel).await.map_err(|status| status.code()) }
        });
        drop(host.broker.serve(names("x")).await.unwrap());
        drop(plugin.broker.serve(names("x")).await.unwrap());
        match side {
            Role::Host => host.generation.end(EndReason::ShutDown),
            _ => plugin.generation.end(EndReason::ShutDown),
        }
        assert_eq!(within(1, running).await.unwrap(), Ok(()));
    }
}
