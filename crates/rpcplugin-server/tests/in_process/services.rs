use futures_util::StreamExt as _;
use rpcplugin_proto::{
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
    plugin::grpc_stdio_client::GrpcStdioClient,
    probe,
};
use rpcplugin_server::{PluginSet, Reflection, Serving};
use tonic::Code;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{Running, probe as fixture, refused, with};

#[tokio::test]
async fn a_service_registered_twice_or_reserved_is_an_error_at_the_start() {
    let twice = PluginSet::new().service(fixture::service()).service(fixture::service());
    let error = refused(with(twice)).await;
    assert_eq!(error.code(), "CONFIG_DUPLICATE_SERVICE");
    let health = rpcplugin_proto::health::health_server::HealthServer::new(Fake);
    let error = refused(with(PluginSet::new().service(health))).await;
    assert_eq!(error.code(), "CONFIG_DUPLICATE_SERVICE");
    assert!(error.to_string().contains("served by the framework"), "{error}");
    let garbage = PluginSet::new().descriptors(&b"\xff\xff"[..]);
    assert_eq!(refused(with(garbage)).await.code(), "CONFIG_INVALID");
    let small = with(PluginSet::new()).grpc_max_receive_message_size(1);
    assert_eq!(refused(small).await.code(), "CONFIG_INVALID");
}

struct Fake;

#[tonic::async_trait]
impl rpcplugin_proto::health::health_server::Health for Fake {
    async fn check(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<rpcplugin_proto::health::HealthCheckResponse>, tonic::Status> {
        Err(tonic::Status::unknown("never asked"))
    }
    type WatchStream = futures_util::stream::Empty<
        Result<rpcplugin_proto::health::HealthCheckResponse, tonic::Status>,
    >;
    async fn watch(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, tonic::Status> {
        Err(tonic::Status::unknown("never asked"))
    }
}

#[tokio::test]
async fn health_knows_each_service_and_what_a_service_reports() {
    let set = PluginSet::new().service_with(|context| {
        context.health().set(probe::probe_server::SERVICE_NAME, Serving::NotServing);
        context.health().set("its own", Serving::Serving);
        assert_eq!(context.version(), 1);
        fixture::service()
    });
    let running = Running::start(with(set)).await;
    let mut health = HealthClient::new(running.channel().await);
    let mut status = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        health.check(request).await.map(|answer| answer.into_inner().status()).map_err(|s| s.code())
    };
    for name in ["", "plugin", "its own"] {
        assert_eq!(status(name).await, Ok(ServingStatus::Serving), "{name:?}");
    }
    assert_eq!(status(probe::probe_server::SERVICE_NAME).await, Ok(ServingStatus::NotServing));
    assert_eq!(status("unknown").await, Err(Code::NotFound));
}

#[tokio::test]
async fn the_stdio_stream_opens_at_once_and_only_once() {
    let running = Running::probe().await;
    let mut stdio = GrpcStdioClient::new(running.channel().await);
    let first = stdio.stream_stdio(()).await.unwrap();
    let second = stdio.stream_stdio(()).await.unwrap_err();
    assert_eq!(second.code(), Code::AlreadyExists);
    drop(first);
    // The plugin hears of the first one's end on another stream.
    let again = async {
        while let Err(status) = stdio.stream_stdio(()).await {
            assert_eq!(status.code(), Code::AlreadyExists);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), again).await.unwrap();
}

async fn reflected(running: &Running) -> Result<Vec<String>, Code> {
    let mut client = ServerReflectionClient::new(running.channel().await);
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = client.server_reflection_info(futures_util::stream::iter([ask])).await;
    let mut answers = answers.map_err(|status| status.code())?.into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    Ok(list.service.into_iter().map(|service| service.name).collect())
}

#[tokio::test]
async fn reflection_lists_what_is_served_and_is_off_in_plaintext_by_default() {
    let set =
        || PluginSet::new().service(fixture::service()).descriptors(probe::FILE_DESCRIPTOR_SET);
    let running = Running::start(with(set())).await;
    assert_eq!(reflected(&running).await, Err(Code::Unimplemented));
    let running = Running::start(with(set()).reflection(Reflection::Always)).await;
    assert_eq!(
        reflected(&running).await.unwrap(),
        [
            "rpcplugin.probe.v1.Probe",
            "grpc.health.v1.Health",
            "plugin.GRPCController",
            "plugin.GRPCStdio",
            "plugin.GRPCBroker"
        ]
    );
}
