//! What crosses unchanged, and what a dropped call does.

use futures_util::stream;
use tonic::{Code, Request};

use crate::support::{Host, within};

#[tokio::test]
async fn every_kind_of_call_works() {
    let host = Host::new().await;
    let mut client = host.client();
    assert_eq!(client.echo(b"hello".to_vec()).await.unwrap().into_inner(), b"hello");
    assert_eq!(client.sum(stream::iter([1, 2, 3])).await.unwrap().into_inner(), 6);

    let mut numbers = client.count(1000).await.unwrap().into_inner();
    for expected in 0..1000 {
        assert_eq!(numbers.message().await.unwrap(), Some(expected));
    }
    assert_eq!(numbers.message().await.unwrap(), None);

    let said = stream::iter([b"a".to_vec(), b"b".to_vec()]);
    let mut heard = client.chat(said).await.unwrap().into_inner();
    assert_eq!(heard.message().await.unwrap().unwrap(), b"a");
    assert_eq!(heard.message().await.unwrap().unwrap(), b"b");
    assert_eq!(heard.message().await.unwrap(), None);
    assert_eq!(host.plugin.accepted(), 1);
}

#[tokio::test]
async fn status_message_details_and_metadata_cross_unchanged() {
    let host = Host::new().await;
    for code in 1..=16 {
        let status = host.client().fail(format!("{code}:häßlich, 100 %")).await.unwrap_err();
        assert_eq!(status.code(), Code::from_i32(code));
        assert_eq!(status.message(), "häßlich, 100 %");
        assert_eq!(status.details(), b"\x01details\xff");
        assert_eq!(status.metadata().get("x-reason").unwrap(), "asked for");
    }
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let host = Host::new().await;
    let mut client = rpcplugin_proto::kv::kv_client::KvClient::new(host.channel.clone());
    let status = client.get(rpcplugin_proto::kv::GetRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn an_interceptor_fits_on_the_channel() {
    let host = Host::new().await;
    let mut client = rpcplugin_proto::probe::probe_client::ProbeClient::with_interceptor(
        host.channel.clone(),
        |_: Request<()>| Err(tonic::Status::unauthenticated("not you")),
    );
    assert_eq!(client.echo(vec![]).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn dropping_a_call_cancels_it_in_the_plugin() {
    let host = Host::new().await;
    let mut client = host.client();
    let call = tokio::spawn(async move { client.sleep(600_000).await });
    within(5, host.plugin.seen.open(1)).await;
    call.abort();
    within(5, host.plugin.seen.open(0)).await;
    assert!(host.client().echo(vec![1]).await.is_ok());
}

#[tokio::test]
async fn dropping_a_call_whose_request_still_runs_cancels_it() {
    let host = Host::new().await;
    let mut client = host.client();
    let call = tokio::spawn(async move { client.sum(stream::pending()).await });
    within(5, host.plugin.seen.open(1)).await;
    call.abort();
    within(5, host.plugin.seen.open(0)).await;
}

#[tokio::test]
async fn dropping_a_reply_cancels_a_call_whose_request_still_runs() {
    let host = Host::new().await;
    let replies = host.client().chat(stream::pending()).await.unwrap();
    within(5, host.plugin.seen.open(1)).await;
    drop(replies);
    within(5, host.plugin.seen.open(0)).await;
}

#[tokio::test]
async fn dropping_a_reply_stops_the_stream_behind_it() {
    let host = Host::new().await;
    let mut numbers = host.client().count(u32::MAX).await.unwrap().into_inner();
    assert_eq!(numbers.message().await.unwrap(), Some(0));
    drop(numbers);
    within(5, host.plugin.seen.open(0)).await;
}
