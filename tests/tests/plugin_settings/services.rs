//! What is served, and within which bounds.

use std::time::Duration;

use rpcplugin::config::Setting;
use rpcplugin_tests::{
    Frame, Mirror, MutePeer,
    host::{host, probe},
    stranger::{self, Papers},
};
use tonic::Code;

use crate::{
    case::{Case, cases},
    launched::{LONG, Start},
};

/// Whether this method is there.
async fn answers(start: Start<'_>, method: &str, message: &[u8]) -> String {
    let launched = start.served(&[]).await;
    let call = stranger::call_at(launched.address(), None, Papers::Plaintext, method, message);
    let answer = tokio::time::timeout(LONG, call).await.unwrap();
    launched.stop().await;
    (if answer.is_ok() { "there" } else { "not there" }).to_owned()
}

fn outcome<T>(result: Result<T, tonic::Status>) -> String {
    match result {
        Ok(_) => "fits".to_owned(),
        Err(status) if status.code() == Code::ResourceExhausted => "too large".to_owned(),
        Err(status) => panic!("{status}"),
    }
}

cases! {
    grpc_max_receive_message_size: Case::new(
        &[(Setting::GrpcMaxReceiveMessageSize, "1KiB")],
        "too large",
        |start| Box::pin(async move {
            let launched = start.served(&[]).await;
            let answer = launched.probe().await.sum(tokio_stream::iter([1])).await;
            assert!(answer.is_ok(), "small messages pass");
            let answer = launched.probe().await.fail("5".repeat(2000)).await.unwrap_err();
            launched.stop().await;
            if answer.code() == Code::ResourceExhausted { "too large" } else { "fits" }.to_owned()
        }),
    )
    .other(&[(Setting::GrpcMaxReceiveMessageSize, "4096")]);

    grpc_max_send_message_size: Case::new(
        &[(Setting::GrpcMaxSendMessageSize, "1KiB")],
        "too large",
        |start| Box::pin(async move {
            let launched = start.served(&[]).await;
            let answer = launched.probe().await.blob(2000).await;
            launched.stop().await;
            outcome(answer)
        }),
    )
    .other(&[(Setting::GrpcMaxSendMessageSize, "4096")]);

    grpc_max_concurrent_streams: Case::new(
        &[(Setting::GrpcMaxConcurrentStreams, "7")],
        "7",
        |start| Box::pin(async move {
            let launched = start.served(&[]).await;
            let mut peer = MutePeer::connect(&launched.socket()).await;
            let streams = peer.streams(LONG).await;
            launched.stop().await;
            streams.to_string()
        }),
    )
    .other(&[(Setting::GrpcMaxConcurrentStreams, "9")]);

    grpc_keepalive_time: Case::new(
        &[(Setting::GrpcKeepaliveTime, "1000")],
        "probes",
        |start| Box::pin(async move {
            let launched = start.served(&[]).await;
            let mut peer = MutePeer::connect(&launched.socket()).await;
            let limit = if start.is_given("1000") { LONG } else { Duration::from_secs(2) };
            let probed = peer.next(Frame::PING, limit).await.is_some();
            launched.stop().await;
            (if probed { "probes" } else { "is silent" }).to_owned()
        }),
    )
    .other(&[(Setting::GrpcKeepaliveTime, "600000")]);

    grpc_keepalive_timeout: Case::new(
        &[(Setting::GrpcKeepaliveTimeout, "100")],
        "hangs up",
        |start| Box::pin(async move {
            let launched = start.served(&[("PLUGIN_GRPC_KEEPALIVE_TIME_MS", "1000")]).await;
            let mut peer = MutePeer::connect(&launched.socket()).await;
            peer.next(Frame::PING, LONG).await.unwrap();
            let limit = if start.is_given("100") { LONG } else { Duration::from_secs(1) };
            let cut = peer.is_cut(limit).await;
            launched.stop().await;
            (if cut { "hangs up" } else { "waits" }).to_owned()
        }),
    )
    .other(&[(Setting::GrpcKeepaliveTimeout, "600000")]);

    reflection: Case::new(
        &[(Setting::Reflection, "always")],
        "there",
        |start| Box::pin(answers(
            start,
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", b"\x3a\0",
        )),
    );

    health_service_enabled: Case::new(
        &[(Setting::HealthServiceEnabled, "false")],
        "not there",
        |start| Box::pin(answers(start, "/grpc.health.v1.Health/Check", b"")),
    )
    .other(&[(Setting::HealthServiceEnabled, "true")]);

    broker_timeout: Case::new(
        &[(Setting::BrokerTimeout, "0.2")],
        "within 200ms",
        |start| Box::pin(async move {
            let client = host(start.guard).spawn(start.command()).await.unwrap();
            let status = probe(&client).dial(4711).await.unwrap_err();
            client.shutdown().await.unwrap();
            let (_, within) = status.message().split_once("within").unwrap();
            format!("within{within}")
        }),
    )
    .other(&[(Setting::BrokerTimeout, "0.3")]);

    broker_max_pending: Case::new(
        &[(Setting::BrokerMaxPending, "1")],
        "forgets",
        |start| Box::pin(async move {
            let mut command = start.command();
            command.env("PLUGIN_BROKER_TIMEOUT", "1");
            let client = host(start.guard).spawn(command).await.unwrap();
            let mut served = Vec::new();
            for _ in 0..3 {
                served.push(client.broker().serve(Mirror::new()).await.unwrap());
            }
            let [_, second, third] = &served[..] else { unreachable!() };
            // Offers keep their order: whatever becomes of the third, the second has come then.
            let _ = probe(&client).dial(third.id().get()).await;
            let answer = probe(&client).dial(second.id().get()).await;
            drop(served);
            client.shutdown().await.unwrap();
            (if answer.is_ok() { "remembers" } else { "forgets" }).to_owned()
        }),
    )
    .other(&[(Setting::BrokerMaxPending, "8")]);
}
