//! Errors of the kind Protocol, and what each status of a call becomes.

use std::time::Duration;

use rpcplugin::{core::Network, error_from_status};
use rpcplugin_proto::kv::GetRequest;
use rpcplugin_tests::{
    Event, Events, golden, golden_line,
    host::{host, kv, probe, program, test_plugin},
    leak::leak_free,
};

use crate::{serving, told_of};

/// What the host makes of a status that the plugin's method answers with.
fn answered(name: &str, status: &str) {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let status = probe(&client).fail(status.to_owned()).await.unwrap_err();
        golden(name, &error_from_status(&status));
        client.shutdown().await.unwrap();
    });
}

#[test]
fn another_protocol() {
    let manner = r"bytes:HTTP/1.1 400 Bad Request\r\n\r\n";
    let words = ["listen", "unix", "serve", manner, "line", crate::PLAIN, "hang"];
    told_of("PROTOCOL_PEER_NOT_GRPC.http", &words);
}

#[test]
fn each_status_is_mapped() {
    answered("PROTOCOL_STATUS.not_found", "5:no such key");
    answered("PROTOCOL_STATUS.aborted", "10:the other one was faster");
    answered("PROTOCOL_LIMIT.exhausted", "8:no room for more keys");
    answered("PROTOCOL_RATE_LIMITED.delay", "8@250:too many calls");
    answered("TRANSPORT_DISCONNECTED.unavailable", "14:the database is away");
    answered("TRANSPORT_DEADLINE.status", "4:the database took too long");
}

#[test]
fn a_reply_without_an_end() {
    leak_free(async |guard| {
        let client = serving(host(guard), guard, "cut").await;
        let status = probe(&client).echo(vec![1]).await.unwrap_err();
        golden("PROTOCOL_BAD_REPLY.cut", &error_from_status(&status));
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_message_over_the_limit() {
    leak_free(async |guard| {
        let builder = host(guard).grpc_max_receive_message_size(1 << 20);
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        let status = probe(&client).blob(2 << 20).await.unwrap_err();
        golden("PROTOCOL_LIMIT.message", &error_from_status(&status));
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_side_channel_that_is_closed() {
    leak_free(async |guard| {
        let builder = host(guard).transports([Network::Unix]).multiplex_grpc(true);
        let client = builder.spawn(guard.command(program("broker-plugin"))).await.unwrap();
        let mut plugin = kv(&client);
        let mut ask = async |key: String| {
            let reply = plugin.get(GetRequest { key }).await.unwrap().into_inner();
            String::from_utf8(reply.value).unwrap()
        };
        let id = ask("serve gone".to_owned()).await;
        ask(format!("close {id}")).await;
        let error = client.broker().dial(id.parse::<u32>().unwrap()).await.unwrap_err();
        golden("PROTOCOL_BROKER_UNKNOWN_ID.closed", &error);
        client.shutdown().await.unwrap();
    });
}

/// What the host logs of a plugin whose broker announces this.
fn logged(name: &str, script: &str) {
    leak_free(async |guard| {
        let (code, _) = name.split_once('.').unwrap();
        let code = format!("code={code:?}");
        let events = Events::record();
        let client = serving(host(guard), guard, &format!("announce:{script}")).await;
        let event = events.wait_for(|event| event.fields.contains(&code)).await;
        let Event { level, message, fields, .. } = event;
        golden_line(name, &format!("{level} {message} {}", fields.join(" ")));
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_side_channel_that_is_offered_twice() {
    logged("PROTOCOL_BROKER_DUPLICATE.twice", "5=unix={address};5=tcp=127.0.0.1:1");
}

#[test]
fn a_message_without_an_address() {
    logged("PROTOCOL_BROKER_MESSAGE.no_port", "5=tcp=127.0.0.1");
}

#[test]
fn more_side_channels_than_anybody_claims() {
    leak_free(async |guard| {
        let patient = Duration::from_secs(60);
        let builder = host(guard).broker_max_pending(1).broker_timeout(patient);
        let client = serving(builder, guard, "announce:flood=3;4=unix={address}").await;
        let broker = client.broker();
        // However it ends, all before it have come then; so it is not to run out of time.
        let ended = broker.dial(4).await.err().map(|error| error.code());
        assert!([None, Some("PROTOCOL_BROKER_LIMIT")].contains(&ended), "{ended:?}");
        let error = broker.dial(3).await.unwrap_err();
        golden("PROTOCOL_BROKER_LIMIT.three", &error);
        client.shutdown().await.unwrap();
    });
}
