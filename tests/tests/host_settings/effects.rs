//! A case for each setting, but those of the protection.

use std::{collections::BTreeMap, fs, time::Duration};

use rpcplugin::{
    Client, MagicCookie,
    config::{Setting, Setting::*},
    core::{Address, Error},
};
use rpcplugin_tests::host::{evil_plugin, freeze, probe, refusal, test_plugin};

use crate::ways::{Set, cases};

/// A plugin that is ready and does nothing that it is asked to.
pub(crate) const DEAF: [&str; 7] = [
    "listen",
    "unix",
    "serve",
    "silence-tls",
    "line",
    "1|{version}|{network}|{address}|grpc|{cert}",
    "hang",
];

pub(crate) async fn start(set: &Set<'_>, value: &str, others: &[(Setting, &str)]) -> Client {
    set.host_with(value, others).spawn(test_plugin(set.guard)).await.unwrap()
}

/// Asserts that a start fails in this way.
async fn fails(set: &Set<'_>, value: &str, words: &[&str], code: &str, message: &str) -> Error {
    let error = refusal(set.host(value), evil_plugin(set.guard, words)).await;
    assert_eq!(error.code(), code, "{:?}: {error}", set.way);
    assert!(error.to_string().contains(message), "{:?}: {error}", set.way);
    error
}

/// What a plugin was started with.
pub(crate) fn environment(client: &Client) -> BTreeMap<String, String> {
    let text = fs::read(format!("/proc/{}/environ", client.pid())).unwrap();
    let text = String::from_utf8(text).unwrap();
    let entries = text.split('\0').filter_map(|entry| entry.split_once('='));
    entries.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Asserts that a plugin gets this variable.
async fn announces(set: &Set<'_>, value: &str, variable: &str) {
    let client = start(set, value, &[]).await;
    let found = environment(&client);
    assert_eq!(found.get(variable).map(String::as_str), Some(value), "{:?}", set.way);
    client.kill().await;
}

/// A group of this process.
fn group() -> String {
    rustix::process::getgid().as_raw().to_string()
}

/// Nobody accepts, so TLS never begins.
const UNANSWERED: [&str; 5] =
    ["listen", "unix", "line", "1|{version}|{network}|{address}|grpc|{cert}", "hang"];

/// How long it takes to stop a plugin that is stopped already, so that neither a request nor
/// SIGTERM reaches it.
async fn patience(client: Client) -> Duration {
    freeze(client.pid()).await;
    client.shutdown().await.unwrap().took
}

/// Asserts that a call to a plugin that stopped answering is cut before a timer of this process,
/// which is as late as the probe where the machine is busy.
async fn is_cut_within(limit: Duration, client: Client, set: &Set<'_>) {
    freeze(client.pid()).await;
    let mut probe = probe(&client);
    let call = probe.sleep(3_600_000_u32);
    let end = tokio::time::timeout(limit, call).await;
    let status = end.unwrap_or_else(|_| panic!("{:?}: not cut", set.way)).unwrap_err();
    assert_eq!(rpcplugin::error_from_status(&status).code(), "TRANSPORT_DEADLINE");
    client.kill().await;
}

/// Asserts what becomes of a message that is too large.
fn over_a_limit(status: &tonic::Status, name: &str) {
    let error = rpcplugin::error_from_status(status);
    assert_eq!(error.code(), "PROTOCOL_LIMIT", "{error}");
    assert!(error.to_string().contains(name), "{error}");
}

/// Asserts that a plugin gets the cookie `A_COOKIE=v4lue`.
async fn launches(set: &Set<'_>, value: &str, other: (Setting, &str)) {
    let config = set.config(value, &[other]);
    let cookie = MagicCookie::from_config(&config).unwrap();
    let host = Client::builder(cookie).config(config);
    let mut command = set.guard.command("sh");
    command.args(["-c", r#"[ "$A_COOKIE" = v4lue ] && exit 42"#]);
    let error = refusal(host, command).await;
    let status = error.report().and_then(|report| report.status).unwrap();
    assert_eq!(status.code(), Some(42), "{:?}: {error}", set.way);
}

cases! {
    host_protocol_versions_are_offered: HostProtocolVersions, "1", async |set| {
        announces(&set, "1,3", "PLUGIN_PROTOCOL_VERSIONS").await;
    };

    host_unix_socket_group_is_announced: HostUnixSocketGroup, "no-such-group", async |set| {
        announces(&set, &group(), "PLUGIN_UNIX_SOCKET_GROUP").await;
    };

    host_min_port_is_announced: HostMinPort, "11000", async |set| {
        announces(&set, "12000", "PLUGIN_MIN_PORT").await;
    };

    host_max_port_is_announced: HostMaxPort, "11000", async |set| {
        announces(&set, "12000", "PLUGIN_MAX_PORT").await;
    };

    host_multiplex_grpc_asks_for_one_connection: HostMultiplexGrpc, "false", async |set| {
        announces(&set, "true", "PLUGIN_MULTIPLEX_GRPC").await;
    };

    client_transports_decide_where_a_plugin_listens: ClientTransports, "unix", async |set| {
        let client = start(&set, "tcp", &[]).await;
        assert!(matches!(client.address(), Address::Tcp(_)), "{:?}", set.way);
        client.kill().await;
    };

    host_unix_socket_dir_holds_the_sockets: HostUnixSocketDir, "/nonexistent", async |set| {
        let directory = set.guard.base().join("own");
        fs::create_dir_all(&directory).unwrap();
        let client = start(&set, directory.to_str().unwrap(), &[]).await;
        assert!(client.address().to_string().contains("/own/"), "{}", client.address());
        client.kill().await;
        fs::remove_dir(&directory).unwrap();
    };

    start_timeout_bounds_the_start: StartTimeout, "50", async |set| {
        fails(&set, "0.2", &["hang"], "HANDSHAKE_TIMEOUT", "within 200ms").await;
    };

    handshake_timeout_bounds_the_wait_for_the_line: HandshakeTimeout, "50", async |set| {
        fails(&set, "0.3", &["hang"], "HANDSHAKE_TIMEOUT", "within 300ms").await;
    };

    connection_timeout_bounds_the_tls_handshake: ConnectionTimeout, "9", async |set| {
        let message = "no connection within 300ms, in phase tls";
        fails(&set, "0.3", &UNANSWERED, "TRANSPORT_CONNECT_TIMEOUT", message).await;
    };

    channel_ready_timeout_bounds_the_wait_for_the_first_answer: ChannelReadyTimeout, "9", async |set| {
        fails(&set, "0.3", &UNANSWERED, "TRANSPORT_CONNECT_TIMEOUT", "within 300ms").await;
    };

    client_request_timeout_ends_calls_without_a_deadline: ClientRequestTimeout, "3600", async |set| {
        let client = start(&set, "0.2", &[]).await;
        let status = probe(&client).sleep(3_600_000_u32).await.unwrap_err();
        let error = rpcplugin::error_from_status(&status);
        assert_eq!(error.code(), "TRANSPORT_DEADLINE", "{error}");
        client.kill().await;
    };

    grpc_grace_period_is_waited_for_before_sigterm: GrpcGracePeriod, "0", async |set| {
        let took = patience(start(&set, "2.5", &[(TerminateTimeout, "0")]).await).await;
        assert!(took >= Duration::from_millis(2500), "{:?}: {took:?}", set.way);
    };

    terminate_timeout_is_waited_for_after_sigterm: TerminateTimeout, "0", async |set| {
        let took = patience(start(&set, "1.5", &[(GrpcGracePeriod, "0")]).await).await;
        assert!(took >= Duration::from_millis(1500), "{:?}: {took:?}", set.way);
    };

    max_lifetime_ends_the_plugin: MaxLifetime, "3600", async |set| {
        let client = start(&set, "0.3", &[]).await;
        let report = client.exited().await;
        assert!(report.to_string().contains("300ms"), "{:?}: {report}", set.way);
    };

    health_check_timeout_bounds_ping: HealthCheckTimeout, "200", async |set| {
        let client = start(&set, "0.1", &[]).await;
        freeze(client.pid()).await;
        let error = client.ping().await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_DEADLINE");
        assert!(error.to_string().contains("100ms"), "{:?}: {error}", set.way);
        client.kill().await;
    };

    broker_timeout_bounds_the_wait_for_an_offer: BrokerTimeout, "200", async |set| {
        let client = start(&set, "0.2", &[]).await;
        let error = client.broker().dial(4711).await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_BROKER_TIMEOUT");
        assert!(error.to_string().contains("within 200ms"), "{:?}: {error}", set.way);
        client.kill().await;
    };

    grpc_keepalive_time_is_the_time_between_probes: GrpcKeepaliveTime, "0", async |set| {
        let client = start(&set, "1000", &[(GrpcKeepaliveTimeout, "100")]).await;
        is_cut_within(Duration::from_secs(9), client, &set).await;
    };

    grpc_keepalive_timeout_bounds_the_wait_for_a_probe: GrpcKeepaliveTimeout, "600000", async |set| {
        let client = start(&set, "100", &[(GrpcKeepaliveTime, "1000")]).await;
        // Without the setting, six seconds.
        is_cut_within(Duration::from_millis(5500), client, &set).await;
    };

    grpc_max_receive_message_size_bounds_replies: GrpcMaxReceiveMessageSize, "64MiB", async |set| {
        let client = start(&set, "2KiB", &[]).await;
        let status = probe(&client).blob(4096_u32).await.unwrap_err();
        over_a_limit(&status, "grpc_max_receive_message_size");
        client.kill().await;
    };

    grpc_max_send_message_size_bounds_requests: GrpcMaxSendMessageSize, "64MiB", async |set| {
        let client = start(&set, "2KiB", &[]).await;
        let status = probe(&client).echo(vec![0; 4096]).await.unwrap_err();
        over_a_limit(&status, "grpc_max_send_message_size");
        client.kill().await;
    };

    magic_cookie_key_launches_the_plugin: MagicCookieKey, "OTHER", async |set| {
        launches(&set, "A_COOKIE", (MagicCookieValue, "v4lue")).await;
    };

    magic_cookie_value_launches_the_plugin: MagicCookieValue, "other", async |set| {
        launches(&set, "v4lue", (MagicCookieKey, "A_COOKIE")).await;
    };
}
