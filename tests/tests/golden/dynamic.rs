//! Errors of calls without generated code.

use prost::Message as _;
use prost_types::FileDescriptorSet;
use rpcplugin::{Client, Tls, client::CallOptions};
use rpcplugin_proto::kv;
use rpcplugin_tests::{
    golden,
    host::{host, test_plugin},
    leak::leak_free,
};
use serde_json::json;

/// What a call of the plugin that behaves tells.
fn called(name: &str, tls: Tls, call: impl AsyncFnOnce(&Client) -> rpcplugin::Error) {
    leak_free(async |guard| {
        let client = host(guard).tls(tls).spawn(test_plugin(guard)).await.unwrap();
        golden(name, &call(&client).await);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_plugin_without_reflection() {
    called("PROTOCOL_NO_DESCRIPTORS.plaintext", Tls::Plaintext, async |client| {
        client.call_method("Get", json!({ "key": "a" })).await.unwrap_err()
    });
}

#[test]
fn a_method_that_nobody_has() {
    called("PROTOCOL_UNKNOWN_METHOD.misspelt", Tls::Auto, async |client| {
        client.call_method("Gett", json!({ "key": "a" })).await.unwrap_err()
    });
}

#[test]
fn a_service_that_the_plugin_lacks() {
    called("PROTOCOL_UNKNOWN_SERVICE.misspelt", Tls::Auto, async |client| {
        client.call_method("proto.KVS/Get", json!({ "key": "a" })).await.unwrap_err()
    });
}

#[test]
fn a_name_of_two_services() {
    leak_free(async |guard| {
        let builder = host(guard).descriptors(kv::FILE_DESCRIPTOR_SET).descriptors(twin_of_kv());
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        let error = client.call_method("KV.Get", json!({ "key": "a" })).await.unwrap_err();
        golden("PROTOCOL_AMBIGUOUS_METHOD.two", &error);
        client.shutdown().await.unwrap();
    });
}

/// The same service in a package `other`.
fn twin_of_kv() -> Vec<u8> {
    let mut set = FileDescriptorSet::decode(kv::FILE_DESCRIPTOR_SET).unwrap();
    for file in &mut set.file {
        (file.name, file.package) = (Some("other.proto".into()), Some("other".into()));
        for method in file.service.iter_mut().flat_map(|service| &mut service.method) {
            for name in [&mut method.input_type, &mut method.output_type] {
                *name = name.take().map(|name| name.replace(".proto.", ".other."));
            }
        }
    }
    set.encode_to_vec()
}

#[test]
fn a_stream_that_is_called_as_if_it_were_none() {
    called("PROTOCOL_WRONG_CALL_KIND.stream", Tls::Auto, async |client| {
        client.call_method("List", json!({})).await.unwrap_err()
    });
}

#[test]
fn a_value_of_another_type() {
    called("PROTOCOL_INVALID_MESSAGE.type", Tls::Auto, async |client| {
        let address = json!([{ "zip": 1 }, { "zip": "12 345" }]);
        let wanted = json!({ "wanted": { "location": { "address": address } } });
        client.call_method("Plan", wanted).await.unwrap_err()
    });
}

#[test]
fn a_field_that_is_misspelt() {
    called("PROTOCOL_INVALID_MESSAGE.field", Tls::Auto, async |client| {
        let address = json!([{ "streetname": "Main" }, { "streat_nam": "Main" }]);
        let wanted = json!({ "wanted": { "location": { "address": address } } });
        client.call_method("Plan", wanted).await.unwrap_err()
    });
}

#[test]
fn a_reply_over_the_limit_of_a_call() {
    called("PROTOCOL_LIMIT.dynamic", Tls::Auto, async |client| {
        let options = CallOptions::new().max_decoding_message_size(1000);
        client.call_method_with("Blob", json!(1001), options).await.unwrap_err()
    });
}
