//! A message over a limit ends its call and nothing else.

use futures_util::stream;
use rpcplugin_transport::ChannelOptions;
use tonic::{Code, Status};

use crate::support::{Host, code};

/// What the wrapper message adds to so many bytes: a tag and a length.
const fn wrapped(bytes: u32) -> u32 {
    assert!(bytes >= 128 && bytes < 16384, "two bytes of length");
    bytes + 3
}

#[track_caller]
fn over(status: &Status, message: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.message(), message);
    assert_eq!(code(status), "PROTOCOL_LIMIT");
}

#[tokio::test]
async fn a_reply_up_to_the_limit_passes_and_one_byte_more_does_not() {
    let limit = wrapped(1000) as usize;
    let host = Host::with(ChannelOptions::new().max_receive_message_size(limit)).await;
    let mut client = host.client();
    assert_eq!(client.blob(1000).await.unwrap().into_inner().len(), 1000);
    let status = client.blob(1001).await.unwrap_err();
    over(
        &status,
        "message of 1004 bytes is over the limit of 1003 bytes (grpc_max_receive_message_size)",
    );
    assert!(client.blob(1000).await.is_ok());
    assert_eq!(host.plugin.accepted(), 1);
}

#[tokio::test]
async fn a_request_up_to_the_limit_passes_and_one_byte_more_does_not() {
    let limit = wrapped(1000) as usize;
    let host = Host::with(ChannelOptions::new().max_send_message_size(limit)).await;
    let mut client = host.client();
    assert_eq!(client.echo(vec![7; 1000]).await.unwrap().into_inner().len(), 1000);
    let status = client.echo(vec![7; 1001]).await.unwrap_err();
    over(
        &status,
        "message of 1004 bytes is over the limit of 1003 bytes (grpc_max_send_message_size)",
    );
    assert!(client.echo(vec![]).await.is_ok());
    assert_eq!(host.plugin.accepted(), 1);
}

#[tokio::test]
async fn a_stream_ends_at_its_first_message_over_the_limit() {
    let host = Host::with(ChannelOptions::new().max_send_message_size(100)).await;
    let said = stream::iter([vec![1; 10], vec![2; 1000], vec![3; 10]]);
    let status = match host.client().chat(said).await {
        Err(status) => status,
        Ok(replies) => {
            let mut replies = replies.into_inner();
            loop {
                match replies.message().await {
                    Ok(Some(reply)) => assert_eq!(reply, [1; 10]),
                    Ok(None) => panic!("a stream that was cut short looks complete"),
                    Err(status) => break status,
                }
            }
        }
    };
    over(
        &status,
        "message of 1003 bytes is over the limit of 100 bytes (grpc_max_send_message_size)",
    );
    assert!(host.client().echo(vec![]).await.is_ok());
}

#[tokio::test]
async fn tonics_own_limit_is_reported_as_a_limit() {
    let host = Host::new().await;
    let mut client = rpcplugin_proto::probe::probe_client::ProbeClient::new(host.channel.clone());
    assert_eq!(code(&client.blob(5 * 1024 * 1024).await.unwrap_err()), "PROTOCOL_LIMIT");
}

#[tokio::test]
async fn a_message_of_20_mib_crosses_both_ways() {
    const SIZE: usize = 20 * 1024 * 1024;
    let host = Host::new().await;
    let sent: Vec<u8> = (0..SIZE).map(|index| (index % 251) as u8).collect();
    let echoed = host.client().echo(sent.clone()).await.unwrap().into_inner();
    assert!(echoed == sent);
}

#[tokio::test]
async fn the_default_limit_is_64_mib() {
    const SIZE: u32 = 64 * 1024 * 1024;
    let host = Host::new().await;
    // Five bytes for the wrapper's tag and length.
    assert!(host.client().blob(SIZE - 5).await.is_ok());
    assert_eq!(code(&host.client().blob(SIZE - 4).await.unwrap_err()), "PROTOCOL_LIMIT");
}

#[tokio::test]
async fn headers_over_the_limit_end_their_call_with_the_limit_named() {
    let host = Host::new().await;
    let mut client = host.client();
    let long = "x".repeat(20 * 1024);
    let mut request = tonic::Request::new(vec![]);
    request.metadata_mut().insert("large", long.parse().unwrap());
    let sent = client.echo(request).await.unwrap_err();
    over(
        &sent,
        "the list of headers is longer than the plugin accepts (rpcplugin's accept 16384 bytes)",
    );
    let received = client.fail(format!("5:{long}")).await.unwrap_err();
    over(&received, "the reply's list of headers is longer than 16384 bytes, or breaks HTTP/2");
    assert!(client.echo(vec![]).await.is_ok());
    assert_eq!(host.plugin.accepted(), 1);
}
