//! Calls without generated code: features of dynamic calls, over whole processes.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use rpcplugin::client::CallKind;
use rpcplugin_tests::{
    host::{host, test_plugin},
    leak::leak_free,
};
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;

#[test]
fn every_kind_of_call_works_by_reflection_over_tls() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        client.call_method("put", json!({ "key": "a", "value": "aGk=" })).await.unwrap();
        let reply = client.call_method("KV.Get", json!({ "key": "a" })).await.unwrap();
        assert_eq!(reply, json!({ "value": "aGk=" }));
        let mut numbers = client.call_server_streaming("Count", json!(3)).await.unwrap();
        let mut seen = Vec::new();
        while let Some(number) = numbers.message().await.unwrap() {
            seen.push(number);
        }
        assert_eq!(seen, [json!(0), json!(1), json!(2)]);
        assert!(numbers.trailers().is_some());
        let numbers = tokio_stream::iter((1..=10).map(Value::from));
        assert_eq!(client.call_client_streaming("Sum", numbers).await.unwrap(), json!(55));
        let words = tokio_stream::iter(["YQ==", "Yg=="].map(Value::from));
        let echoes = client.call_bidirectional("Chat", words).await.unwrap();
        let echoes: Vec<_> = echoes.map(Result::unwrap).collect().await;
        assert_eq!(echoes, [json!("YQ=="), json!("Yg==")]);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn services_and_methods_tell_what_there_is() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let services = client.services().await.unwrap();
        let users: Vec<_> =
            services.iter().filter(|one| !one.is_framework()).map(|one| one.full_name()).collect();
        assert_eq!(
            users,
            ["proto.KV", "rpcplugin.probe.v1.Probe", "rpcplugin.provider.v1.Provider"]
        );
        assert!(services.iter().any(|one| one.full_name() == "grpc.health.v1.Health"));
        assert!(client.has_service("KV").await.unwrap());
        assert!(!client.has_service("Missing").await.unwrap());
        let methods = client.methods("Provider").await.unwrap();
        let kinds: Vec<_> = methods.iter().map(|one| (one.short_name(), one.kind())).collect();
        assert_eq!(kinds[0], ("GetSchema", CallKind::Unary));
        assert_eq!(kinds[3], ("Apply", CallKind::ServerStreaming));
        assert_eq!(kinds[4], ("Import", CallKind::ClientStreaming));
        assert_eq!(kinds[5], ("Refresh", CallKind::Bidirectional));
        let plan = client.describe("plan").await.unwrap();
        assert_eq!(plan.full_name(), "rpcplugin.provider.v1.Provider/Plan");
        assert_eq!(
            plan.comments().unwrap(),
            "Answers with what would change between two states of a resource."
        );
        client.shutdown().await.unwrap();
    });
}
