//! A case for each setting, but those of the protection.

use std::{collections::BTreeMap, fs, time::Duration};

use rpcplugin::{
    Client, MagicCookie,
    config::{Setting, Setting::*},
    core::{Address, Error},
};
use rpcplugin_tests::{
    host::{evil_plugin, freeze, host, probe, refusal, test_plugin},
    leak::leak_free,
};

use crate::ways::{Set, in_every_way};

/// Those that have a case here.
pub(crate) const CASES: &[Setting] = &[
    Files,
    Profile,
    MagicCookieKey,
    MagicCookieValue,
    HostProtocolVersions,
    ClientTransports,
    HostUnixSocketDir,
    HostUnixSocketGroup,
    HostMinPort,
    HostMaxPort,
    HostMultiplexGrpc,
    StartTimeout,
    HandshakeTimeout,
    ConnectionTimeout,
    ChannelReadyTimeout,
    ClientRequestTimeout,
    GrpcGracePeriod,
    TerminateTimeout,
    MaxLifetime,
    HealthCheckTimeout,
    BrokerTimeout,
    GrpcKeepaliveTime,
    GrpcKeepaliveTimeout,
    GrpcMaxReceiveMessageSize,
    GrpcMaxSendMessageSize,
];

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
fn announces(
    setting: Setting,
    other: &'static str,
    value: &'static str,
    others: &'static [(Setting, &'static str)],
    variable: (&'static str, &'static str),
) {
    in_every_way(setting, other, async |set| {
        let client = start(&set, value, others).await;
        let found = environment(&client);
        let (name, expected) = variable;
        assert_eq!(found.get(name).map(String::as_str), Some(expected), "{:?}", set.way);
        client.kill().await;
    });
}

#[test]
fn host_protocol_versions_are_offered() {
    announces(HostProtocolVersions, "1", "1,3", &[], ("PLUGIN_PROTOCOL_VERSIONS", "1,3"));
}

#[test]
fn client_transports_decide_where_a_plugin_listens() {
    in_every_way(ClientTransports, "unix", async |set| {
        let client = start(&set, "tcp", &[]).await;
        assert!(matches!(client.address(), Address::Tcp(_)), "{:?}", set.way);
        client.kill().await;
    });
}

#[test]
fn host_unix_socket_dir_holds_the_sockets() {
    in_every_way(HostUnixSocketDir, "/nonexistent", async |set| {
        let directory = set.guard.base().join("own");
        fs::create_dir_all(&directory).unwrap();
        let client = start(&set, directory.to_str().unwrap(), &[]).await;
        assert!(client.address().to_string().contains("/own/"), "{}", client.address());
        client.kill().await;
        fs::remove_dir(&directory).unwrap();
    });
}

#[test]
fn host_unix_socket_group_is_announced() {
    let group: &'static str = rustix::process::getgid().as_raw().to_string().leak();
    announces(
        HostUnixSocketGroup,
        "no-such-group",
        group,
        &[],
        ("PLUGIN_UNIX_SOCKET_GROUP", group),
    );
}

#[test]
fn host_min_port_is_announced() {
    announces(HostMinPort, "11000", "12000", &[], ("PLUGIN_MIN_PORT", "12000"));
}

#[test]
fn host_max_port_is_announced() {
    announces(HostMaxPort, "11000", "12000", &[], ("PLUGIN_MAX_PORT", "12000"));
}

#[test]
fn host_multiplex_grpc_asks_for_one_connection() {
    announces(HostMultiplexGrpc, "false", "true", &[], ("PLUGIN_MULTIPLEX_GRPC", "true"));
}

#[test]
fn start_timeout_bounds_the_start() {
    in_every_way(StartTimeout, "50", async |set| {
        fails(&set, "0.2", &["hang"], "HANDSHAKE_TIMEOUT", "within 200ms").await;
    });
}

#[test]
fn handshake_timeout_bounds_the_wait_for_the_line() {
    in_every_way(HandshakeTimeout, "50", async |set| {
        fails(&set, "0.3", &["hang"], "HANDSHAKE_TIMEOUT", "within 300ms").await;
    });
}

/// Nobody accepts, so TLS never begins.
const UNANSWERED: [&str; 5] =
    ["listen", "unix", "line", "1|{version}|{network}|{address}|grpc|{cert}", "hang"];

#[test]
fn connection_timeout_bounds_the_tls_handshake() {
    in_every_way(ConnectionTimeout, "9", async |set| {
        let message = "no connection within 300ms, in phase tls";
        fails(&set, "0.3", &UNANSWERED, "TRANSPORT_CONNECT_TIMEOUT", message).await;
    });
}

#[test]
fn channel_ready_timeout_bounds_the_wait_for_the_first_answer() {
    in_every_way(ChannelReadyTimeout, "9", async |set| {
        fails(&set, "0.3", &UNANSWERED, "TRANSPORT_CONNECT_TIMEOUT", "within 300ms").await;
    });
}

#[test]
fn client_request_timeout_ends_calls_without_a_deadline() {
    in_every_way(ClientRequestTimeout, "3600", async |set| {
        let client = start(&set, "0.2", &[]).await;
        let status = probe(&client).sleep(3_600_000_u32).await.unwrap_err();
        let error = rpcplugin::error_from_status(&status);
        assert_eq!(error.code(), "TRANSPORT_DEADLINE", "{error}");
        client.kill().await;
    });
}

/// How long it takes to stop a plugin that is stopped already, so that neither a request nor
/// SIGTERM reaches it.
async fn patience(client: Client) -> Duration {
    freeze(client.pid()).await;
    client.shutdown().await.unwrap().took
}

#[test]
fn grpc_grace_period_is_waited_for_before_sigterm() {
    in_every_way(GrpcGracePeriod, "0", async |set| {
        let took = patience(start(&set, "2.5", &[(TerminateTimeout, "0")]).await).await;
        assert!(took >= Duration::from_millis(2500), "{:?}: {took:?}", set.way);
    });
}

#[test]
fn terminate_timeout_is_waited_for_after_sigterm() {
    in_every_way(TerminateTimeout, "0", async |set| {
        let took = patience(start(&set, "1.5", &[(GrpcGracePeriod, "0")]).await).await;
        assert!(took >= Duration::from_millis(1500), "{:?}: {took:?}", set.way);
    });
}

#[test]
fn max_lifetime_ends_the_plugin() {
    in_every_way(MaxLifetime, "3600", async |set| {
        let client = start(&set, "0.3", &[]).await;
        let report = client.exited().await;
        assert!(report.to_string().contains("300ms"), "{:?}: {report}", set.way);
    });
}

#[test]
fn health_check_timeout_bounds_ping() {
    in_every_way(HealthCheckTimeout, "200", async |set| {
        let client = start(&set, "0.1", &[]).await;
        freeze(client.pid()).await;
        let error = client.ping().await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_DEADLINE");
        assert!(error.to_string().contains("100ms"), "{:?}: {error}", set.way);
        client.kill().await;
    });
}

#[test]
fn broker_timeout_bounds_the_wait_for_an_offer() {
    in_every_way(BrokerTimeout, "200", async |set| {
        let client = start(&set, "0.2", &[]).await;
        let error = client.broker().dial(4711).await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_BROKER_TIMEOUT");
        assert!(error.to_string().contains("within 200ms"), "{:?}: {error}", set.way);
        client.kill().await;
    });
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

#[test]
fn grpc_keepalive_time_is_the_time_between_probes() {
    in_every_way(GrpcKeepaliveTime, "0", async |set| {
        let client = start(&set, "1000", &[(GrpcKeepaliveTimeout, "100")]).await;
        is_cut_within(Duration::from_secs(9), client, &set).await;
    });
}

#[test]
fn grpc_keepalive_timeout_bounds_the_wait_for_a_probe() {
    in_every_way(GrpcKeepaliveTimeout, "600000", async |set| {
        let client = start(&set, "100", &[(GrpcKeepaliveTime, "1000")]).await;
        // Without the setting, six seconds.
        is_cut_within(Duration::from_millis(5500), client, &set).await;
    });
}

/// Asserts what becomes of a message that is too large.
fn over_a_limit(status: &tonic::Status, name: &str) {
    let error = rpcplugin::error_from_status(status);
    assert_eq!(error.code(), "PROTOCOL_LIMIT", "{error}");
    assert!(error.to_string().contains(name), "{error}");
}

#[test]
fn grpc_max_receive_message_size_bounds_replies() {
    in_every_way(GrpcMaxReceiveMessageSize, "64MiB", async |set| {
        let client = start(&set, "2KiB", &[]).await;
        let status = probe(&client).blob(4096_u32).await.unwrap_err();
        over_a_limit(&status, "grpc_max_receive_message_size");
        client.kill().await;
    });
}

#[test]
fn grpc_max_send_message_size_bounds_requests() {
    in_every_way(GrpcMaxSendMessageSize, "64MiB", async |set| {
        let client = start(&set, "2KiB", &[]).await;
        let status = probe(&client).echo(vec![0; 4096]).await.unwrap_err();
        over_a_limit(&status, "grpc_max_send_message_size");
        client.kill().await;
    });
}

#[test]
fn files_are_read_in_order_and_come_from_the_environment() {
    leak_free(async |guard| {
        let paths = [("first.toml", "0.9"), ("second.yaml", "0.3")].map(|(name, value)| {
            let path = guard.scratch().join(name);
            let separator = if name.ends_with("toml") { "=" } else { ":" };
            fs::write(&path, format!("plugin_start_timeout{separator} {value}\n")).unwrap();
            path
        });
        let list = std::env::join_paths(paths).unwrap();
        // This host loads its own configuration when it starts.
        let host = host(guard).environment([("PLUGIN_CONFIG_FILE", list)]);
        let error =
            refusal(host.start_timeout(Duration::from_secs(50)), evil_plugin(guard, ["hang"]))
                .await;
        assert!(error.to_string().contains("within 300ms"), "{error}");
    });
}

#[test]
fn profile_overlays_its_file() {
    leak_free(async |guard| {
        let path = guard.scratch().join("profiles.toml");
        let text = "plugin_start_timeout = 50\n[profile.quick]\nplugin_start_timeout = 0.3\n";
        fs::write(&path, text).unwrap();
        let variables =
            [("PLUGIN_CONFIG_FILE", path.as_os_str()), ("PLUGIN_PROFILE", "quick".as_ref())];
        let host = host(guard).environment(variables);
        let error = refusal(host, evil_plugin(guard, ["hang"])).await;
        assert!(error.to_string().contains("within 300ms"), "{error}");
    });
}

#[test]
fn magic_cookie_key_and_value_launch_the_plugin() {
    for (setting, other) in [(MagicCookieKey, "OTHER"), (MagicCookieValue, "other")] {
        in_every_way(setting, other, async |set| {
            let others = if setting == MagicCookieKey {
                [(MagicCookieValue, "v4lue")]
            } else {
                [(MagicCookieKey, "A_COOKIE")]
            };
            let value = if setting == MagicCookieKey { "A_COOKIE" } else { "v4lue" };
            let config = set.config(value, &others);
            let cookie = MagicCookie::from_config(&config).unwrap();
            let host = Client::builder(cookie).config(config);
            let script = r#"[ "$A_COOKIE" = v4lue ] && exit 42"#;
            let mut command = set.guard.command("sh");
            command.args(["-c", script]);
            let error = refusal(host, command).await;
            let status = error.report().and_then(|report| report.status).unwrap();
            assert_eq!(status.code(), Some(42), "{:?}: {error}", set.way);
        });
    }
}
