//! Calls without generated code: features of dynamic calls, over whole processes.

#![cfg(target_os = "linux")]

use std::{path::Path, time::Duration};

use rpcplugin::{
    Tls,
    client::{CallKind, CallOptions, Compression},
};
use rpcplugin_proto::kv;
use rpcplugin_tests::{
    Fifo,
    host::{host, refusal, signal, test_plugin},
    leak::leak_free,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tonic::metadata::MetadataMap;

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

#[test]
fn descriptors_of_the_host_take_the_place_of_reflection() {
    leak_free(async |guard| {
        let builder = host(guard).tls(Tls::Plaintext).descriptors(kv::FILE_DESCRIPTOR_SET);
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        let kv = client.service("KV");
        kv.call("Put", json!({ "key": "a", "value": "aGk=" })).await.unwrap();
        assert_eq!(
            kv.call("get", json!({ "key": "a" })).await.unwrap(),
            json!({ "value": "aGk=" })
        );
        client.shutdown().await.unwrap();
    });
}

#[test]
fn proto_files_are_compiled_in_the_host() {
    leak_free(async |guard| {
        let protos = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
        let file = format!("{protos}/provider.proto");
        let builder = host(guard).tls(Tls::Plaintext).proto_files([file], [protos]);
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        let plan = json!({
            "wanted": { "kind": "disk", "name": "d", "attributes": { "size": { "number": 3 } } },
        });
        let reply = client.call_method("plan", plan).await.unwrap();
        assert_eq!(
            reply,
            json!({
                "action": "ACTION_CREATE",
                "changes": "attributes.size",
                "plannedAt": "2001-09-09T01:46:40.500Z",
            })
        );
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_proto_file_that_does_not_compile_is_told_before_anything_starts() {
    leak_free(async |guard| {
        let file = guard.scratch().join("broken.proto");
        std::fs::write(&file, "syntax = \"proto3\";\nmessage {").unwrap();
        let builder = host(guard).proto_files([file], [guard.scratch()]);
        let error = refusal(builder, test_plugin(guard)).await;
        assert_eq!(error.code(), "CONFIG_INVALID");
        assert!(error.to_string().contains("broken.proto"), "{error}");
    });
}

#[test]
fn types_of_the_callers_own_are_read_and_written() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let schema: Value = client.call("GetSchema", &()).await.unwrap();
        assert_eq!(schema["version"], 2);
        assert_eq!(schema["provider"]["attributes"][1]["required"], false);
        let error = client.call::<_, String>("GetSchema", &()).await.unwrap_err();
        assert_eq!(error.code(), "PROTOCOL_BAD_REPLY");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_request_that_does_not_fit_ends_a_stream_with_its_place() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        // It never ends by itself, so that only the error can end the call.
        let requests =
            || tokio_stream::iter([json!(1), json!("x")]).chain(futures_util::stream::pending());
        let error = client.call_client_streaming("Sum", requests()).await.unwrap_err();
        assert_eq!(error.code(), "PROTOCOL_INVALID_MESSAGE");
        assert!(error.to_string().starts_with("[1]: expected"), "{error}");
        let words = tokio_stream::iter([json!("YQ=="), json!(1)]);
        let words = words.chain(futures_util::stream::pending());
        let replies = client.call_bidirectional("Chat", words).await;
        let error = match replies {
            Err(error) => error,
            Ok(mut replies) => loop {
                match replies.message().await {
                    Ok(reply) => assert_eq!(reply, Some(json!("YQ=="))),
                    Err(error) => break error,
                }
            },
        };
        assert_eq!(error.code(), "PROTOCOL_INVALID_MESSAGE");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_deadline_ends_a_dynamic_call() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        client.services().await.unwrap();
        let options = CallOptions::new().deadline(Duration::from_millis(100));
        let call = client.call_method_with("Sleep", json!(3_600_000), options);
        assert_eq!(call.await.unwrap_err().code(), "TRANSPORT_DEADLINE");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_plugin_that_dies_ends_a_stream_of_replies() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let words = tokio_stream::iter([json!("YQ==")]).chain(futures_util::stream::pending());
        let mut replies = client.call_bidirectional("Chat", words).await.unwrap();
        assert_eq!(replies.message().await.unwrap(), Some(json!("YQ==")));
        signal(client.pid(), Signal::KILL);
        let error = replies.message().await.unwrap_err();
        // The news of its death may come later than the end of its connection.
        let codes = ["TRANSPORT_PLUGIN_GONE", "TRANSPORT_DISCONNECTED"];
        assert!(codes.contains(&error.code()), "{error}");
        assert_eq!(replies.message().await.unwrap(), None);
        client.exited().await;
    });
}

#[test]
fn dropping_replies_cancels_the_call_in_the_plugin() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = test_plugin(guard);
        command.env("TEST_PLUGIN_REPORT", reports.path());
        let client = host(guard).spawn(command).await.unwrap();
        // It never ends by itself, so that nothing but the drop can end the call.
        let resources =
            tokio_stream::iter([json!({ "name": "a" })]).chain(futures_util::stream::pending());
        let mut replies = client.call_bidirectional("Refresh", resources).await.unwrap();
        assert_eq!(replies.message().await.unwrap().unwrap()["name"], "a");
        assert_eq!(reports.line().await.unwrap(), "refresh started");
        drop(replies);
        assert_eq!(reports.line().await.unwrap(), "refresh cancelled");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn metadata_of_text_and_bytes_goes_there_and_comes_back() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let options = CallOptions::new()
            .metadata("told", "one")
            .metadata("told", "two")
            .binary_metadata("told-bin", [0, 255, 128]);
        let resources = tokio_stream::iter([json!({ "name": "a" })]);
        let call = client.call_bidirectional_with("Refresh", resources, options.clone());
        let mut replies = call.await.unwrap();
        assert_told(replies.headers());
        assert!(replies.trailers().is_none());
        assert!(replies.message().await.unwrap().is_some());
        assert!(replies.message().await.unwrap().is_none());
        assert_told(replies.trailers().unwrap());
        let reply = client.call_method_with("Reflect", (), options).await.unwrap();
        assert_told(&reply.headers);
        assert!(!reply.headers.contains_key("request-encoding"));
        assert!(!reply.headers.contains_key("grpc-encoding"));
        client.shutdown().await.unwrap();
    });
}

#[track_caller]
fn assert_told(metadata: &MetadataMap) {
    let texts: Vec<_> = metadata.get_all("told").iter().collect();
    assert_eq!(texts, ["one", "two"]);
    let bytes = metadata.get_bin("told-bin").and_then(|bytes| bytes.to_bytes().ok());
    assert_eq!(bytes.as_deref(), Some(&[0, 255, 128][..]));
}

#[test]
fn gzip_goes_there_and_comes_back() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let options = CallOptions::new().compression(Compression::Gzip);
        let long = json!({ "stringValue": "a".repeat(100_000) });
        let call = client.call_method_with("Reflect", &long, options.clone());
        let reply = call.await.unwrap();
        assert_eq!(reply.value, long);
        assert_eq!(reply.headers.get("request-encoding").unwrap(), "gzip");
        assert_eq!(reply.headers.get("grpc-encoding").unwrap(), "gzip");
        // The store does not know it.
        let call = client.call_method_with("Get", json!({ "key": "a" }), options);
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), "PROTOCOL_STATUS");
        assert!(error.to_string().contains("UNIMPLEMENTED"), "{error}");
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_method_is_described_as_schema_and_as_text() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let plan = client.describe("Plan").await.unwrap();
        let json = |schema| serde_json::to_string_pretty(&schema).unwrap();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dynamic"));
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| {
            insta::assert_snapshot!("plan.input_schema", json(plan.input_schema()));
            insta::assert_snapshot!("plan.output_schema", json(plan.output_schema()));
            insta::assert_snapshot!("plan.proto_text", plan.proto_text());
        });
        client.shutdown().await.unwrap();
    });
}
