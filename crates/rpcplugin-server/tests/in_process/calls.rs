use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use rpcplugin_proto::{
    health::{HealthCheckRequest, health_client::HealthClient},
    kv::kv_client::KvClient,
    probe::probe_client::ProbeClient,
};
use rpcplugin_server::PluginSet;
use tonic::{Code, Request, Status, body::Body, service::InterceptorLayer};

use crate::{Running, probe, with};

#[tokio::test]
async fn every_kind_of_call_works() {
    let running = Running::probe().await;
    let mut client = running.client().await;
    assert_eq!(client.echo(b"hello".to_vec()).await.unwrap().into_inner(), b"hello");
    let numbers = client.count(3).await.unwrap().into_inner();
    assert_eq!(numbers.map(Result::unwrap).collect::<Vec<_>>().await, [0, 1, 2]);
    assert_eq!(client.sum(stream::iter([1, 2, 3])).await.unwrap().into_inner(), 6);
    let chat = stream::iter([b"a".to_vec(), b"b".to_vec()]);
    let echoes = client.chat(chat).await.unwrap().into_inner();
    assert_eq!(echoes.map(Result::unwrap).collect::<Vec<_>>().await, [b"a", b"b"]);
}

#[tokio::test]
async fn answers_neither_are_compressed_nor_ask_for_it() {
    let mut client = Running::probe().await.client().await;
    let mut request = Request::new(Vec::new());
    // As grpc-go's clients say of themselves.
    request.metadata_mut().insert("grpc-accept-encoding", "gzip".parse().unwrap());
    let answer = client.echo(request).await.unwrap();
    let names: Vec<_> = answer.metadata().as_ref().keys().map(http::HeaderName::as_str).collect();
    assert!(names.contains(&"content-type"), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with("encoding")), "{names:?}");
}

#[tokio::test]
async fn an_unknown_service_is_unimplemented() {
    let running = Running::probe().await;
    let mut stranger = KvClient::new(running.channel().await);
    let status = stranger.get(rpcplugin_proto::kv::GetRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), r#"unknown service "proto.KV""#);
}

#[tokio::test]
async fn a_panic_is_internal_for_its_call_alone() {
    let running = Running::probe().await;
    let (mut one, mut other) = (running.client().await, running.client().await);
    let slow = tokio::spawn(async move { other.sleep(200).await });
    let status = one.panic("boom".to_owned()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Internal, "the handler panicked"));
    assert!(one.echo(Vec::new()).await.is_ok());
    assert!(slow.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_panic_in_the_middle_of_an_answer_is_internal() {
    let running = Running::probe().await;
    let mut client = running.client().await;
    let answer: Vec<_> = client.count(10).await.unwrap().into_inner().collect().await;
    let (last, before) = answer.split_last().unwrap();
    assert_eq!(last.as_ref().unwrap_err().code(), Code::Internal);
    assert!(before.iter().all(Result::is_ok));
    assert!(client.echo(Vec::new()).await.is_ok());
}

#[tokio::test]
async fn messages_just_under_a_limit_pass_and_just_over_it_end_their_call() {
    let set = PluginSet::new().service(probe::service());
    let server = with(set).grpc_max_receive_message_size(10_000).grpc_max_send_message_size(20_000);
    let running = Running::start(server).await;
    let mut client = running.client().await;
    // A wrapper adds a tag and a length of two bytes to the data.
    assert!(client.echo(vec![0; 10_000 - 3]).await.is_ok());
    let status = client.echo(vec![0; 10_001 - 3]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().contains("10001") && status.message().contains("10000"));
    assert!(client.blob(20_000 - 4).await.is_ok());
    let status = client.blob(20_001 - 4).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(client.echo(Vec::new()).await.is_ok());
}

#[tokio::test]
async fn tonics_own_limit_is_resource_exhausted_too() {
    let plain = rpcplugin_proto::probe::probe_server::ProbeServer::new(probe::Doer);
    let running = Running::start(with(PluginSet::new().service(plain))).await;
    let mut client = running.client().await;
    let status = client.echo(vec![0; 5 << 20]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
}

#[tokio::test]
async fn a_handlers_status_crosses_unchanged() {
    let running = Running::probe().await;
    let mut client = running.client().await;
    let status = client.fail("11:no such page".to_owned()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, "no such page"));
}

/// A layer that adds its name to a header, and refuses the call that says so.
fn named(
    name: &'static str,
) -> InterceptorLayer<impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + Send + Sync> {
    InterceptorLayer::new(move |mut request: Request<()>| {
        let metadata = request.metadata_mut();
        let seen = metadata.get("seen").map(|seen| seen.to_str().unwrap()).unwrap_or_default();
        let seen = format!("{seen}{name}");
        if metadata.get("refuse").is_some_and(|refuse| *refuse == *seen) {
            return Err(Status::permission_denied(seen));
        }
        metadata.insert("seen", seen.parse().unwrap());
        Ok(request)
    })
}

#[tokio::test]
async fn layers_see_the_users_calls_in_order_and_no_others() {
    let server = with(PluginSet::new().service(probe::service()))
        .layer(named("first;"))
        .layer(named("second;"));
    let running = Running::start(server).await;
    let channel = running.channel().await;
    let mut client = ProbeClient::new(channel.clone());
    assert!(client.echo(Vec::new()).await.is_ok());
    let mut request = Request::new(Vec::new());
    request.metadata_mut().insert("refuse", "first;second;".parse().unwrap());
    let status = client.echo(request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "first;second;"));
    let mut health = HealthClient::new(channel);
    let mut request = Request::new(HealthCheckRequest::default());
    request.metadata_mut().insert("refuse", "first;".parse().unwrap());
    assert!(health.check(request).await.is_ok());
}

#[tokio::test]
async fn an_error_of_a_layer_is_the_calls_answer() {
    let layer = tower::layer::layer_fn(|_: rpcplugin_server::RpcService| {
        tower::service_fn(|_| async {
            Err::<http::Response<Body>, _>(Status::permission_denied("no"))
        })
    });
    let server = with(PluginSet::new().service(probe::service())).layer(layer);
    let running = Running::start(server).await;
    let status = running.client().await.echo(Vec::new()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "no"));
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_in_the_plugin() {
    let running = Running::probe().await;
    let mut client = running.client().await;
    let slow = tokio::time::timeout(Duration::from_millis(50), client.sleep(50_000)).await;
    assert!(slow.is_err());
    // The drain ends at once only if the call has been cancelled.
    tokio::time::timeout(Duration::from_secs(1), running.handle.drain()).await.unwrap().unwrap();
}
