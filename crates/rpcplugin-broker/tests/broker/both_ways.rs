use rpcplugin_broker::{Broker, Services};
use rpcplugin_core::Kind;
use rpcplugin_proto::health::{
    HealthCheckRequest, HealthCheckResponse,
    health_client::HealthClient,
    health_server::{Health, HealthServer},
};
use rpcplugin_transport::{ChannelOptions, error_from_status};
use tonic::{Request, Response, Status};

use crate::support::{Pair, Setup, ask, names, within};

async fn check(setup: Setup) {
    let pair = Pair::new(setup).await;
    let (host, plugin) = pair.brokers();
    for (server, dialler) in [(host, plugin), (plugin, host)] {
        let served = server.serve(names("one")).await.unwrap();
        assert_eq!(served.id().get(), 1, "each side counts for itself");
        let channel = dialler.dial(served.id()).await.unwrap();
        assert_eq!(ask(&channel, "key").await.unwrap(), "one:key");
    }
}

#[tokio::test]
async fn each_side_calls_what_the_other_serves_over_unix_sockets() {
    within(10, check(Setup::default())).await;
}

#[tokio::test]
async fn each_side_calls_what_the_other_serves_over_tcp() {
    within(10, check(Setup { tcp: true, ..Setup::default() })).await;
}

#[tokio::test]
async fn a_dial_may_come_before_its_announcement() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let reserved = plugin.next_id();
    let id = reserved.id();
    let dialling = tokio::spawn({
        let host = host.clone();
        async move { host.dial(id).await }
    });
    tokio::task::yield_now().await;
    let _served = reserved.serve(names("late")).await.unwrap();
    let channel = within(2, dialling).await.unwrap().unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "late:k");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_64_side_channels_at_once_are_all_matched() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let calls: Vec<_> = (0..64)
        .map(|number| {
            let (server, dialler) = if number % 2 == 0 { (host, plugin) } else { (plugin, host) };
            tokio::spawn(one_call(server.clone(), dialler.clone(), number.to_string()))
        })
        .collect();
    for call in calls {
        within(20, call).await.unwrap();
    }
    pair.host.no_sockets().await;
    pair.plugin.no_sockets().await;
}

async fn one_call(server: Broker, dialler: Broker, name: String) {
    let reserved = server.next_id();
    let id = reserved.id();
    let (served, channel) = tokio::join!(reserved.serve(names(&*name)), dialler.dial(id));
    let _served = served.unwrap();
    assert_eq!(ask(&channel.unwrap(), "k").await.unwrap(), format!("{name}:k"));
}

struct Healthy;

#[tonic::async_trait]
impl Health for Healthy {
    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: 1 }))
    }

    type WatchStream = futures_util::stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tokio::test]
async fn one_side_channel_serves_several_services_behind_one_layer() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let layer = tower::util::MapRequestLayer::new(|request| request);
    let services =
        Services::new().service(names("both")).service(HealthServer::new(Healthy)).layer(layer);
    let served = host.serve(services).await.unwrap();
    let channel = plugin.dial(served.id()).await.unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "both:k");
    let health = HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(health.into_inner().status, 1);
}

#[tokio::test]
async fn a_service_that_is_not_served_is_unimplemented() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = host.serve(names("kv")).await.unwrap();
    let channel = plugin.dial(served.id()).await.unwrap();
    let status = HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    assert_eq!(status.message(), r#"unknown service "grpc.health.v1.Health""#);
}

#[tokio::test]
async fn a_dial_has_its_own_bounds() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = host.serve(names("x".repeat(100))).await.unwrap();
    let options = ChannelOptions::new().max_receive_message_size(50);
    let channel = plugin.dial_with(served.id(), options).await.unwrap();
    let error = error_from_status(&ask(&channel, "k").await.unwrap_err());
    assert_eq!((error.kind(), error.code()), (Kind::Protocol, "PROTOCOL_LIMIT"));
}

#[tokio::test]
async fn a_side_channel_has_its_own_limits() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let services = Services::from(names("kv")).max_receive_message_size(50);
    let served = host.serve(services).await.unwrap();
    let channel = plugin.dial(served.id()).await.unwrap();
    let error = error_from_status(&ask(&channel, &"k".repeat(100)).await.unwrap_err());
    assert_eq!(error.code(), "PROTOCOL_LIMIT");
    assert_eq!(ask(&channel, "k").await.unwrap(), "kv:k");
}

#[tokio::test]
async fn an_offer_is_forgotten_once_its_channels_are_gone() {
    let pair = Pair::new(Setup::default()).await;
    let (host, plugin) = pair.brokers();
    let served = host.serve(names("once")).await.unwrap();
    let first = plugin.dial(served.id()).await.unwrap();
    let second = plugin.dial(served.id()).await.unwrap();
    drop(first);
    assert_eq!(ask(&second, "k").await.unwrap(), "once:k");
    let third = plugin.dial(served.id()).await.unwrap();
    drop((second, third));
    assert_eq!(plugin.counts().unclaimed, 0);
    tokio::time::pause();
    let error = plugin.dial(served.id()).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_BROKER_TIMEOUT");
}
