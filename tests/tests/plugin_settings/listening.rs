//! Versions, transports and addresses.

use std::os::unix::fs::PermissionsExt as _;

use rpcplugin::{config::Setting, core::Address};

use crate::{
    case::{Case, cases},
    launched::Start,
};

const TCP: (&str, &str) = ("PLUGIN_SERVER_TRANSPORTS", "tcp");

async fn announced(start: Start<'_>, variables: &[(&str, &str)]) -> Address {
    let launched = start.served(variables).await;
    let address = launched.address().clone();
    launched.stop().await;
    address
}

async fn ip(start: Start<'_>) -> String {
    match announced(start, &[TCP]).await {
        Address::Tcp(address) => address.ip().to_string(),
        other => panic!("{other}"),
    }
}

cases! {
    supported_protocol_versions: Case::new(
        &[(Setting::SupportedProtocolVersions, "2,3")],
        "2",
        |start| Box::pin(async move {
            let launched = start.served(&[("PLUGIN_PROTOCOL_VERSIONS", "1,2")]).await;
            let version = launched.handshake.app_version.to_string();
            launched.stop().await;
            version
        }),
    )
    .other(&[(Setting::SupportedProtocolVersions, "3")]);

    a_version_that_is_not_registered_is_refused: Case::new(
        &[(Setting::SupportedProtocolVersions, "1,7")],
        "CONFIG_PROTOCOL_VERSIONS",
        |start| Box::pin(async move { start.launch(&[]).await.told().await }),
    );

    server_transports: Case::new(
        &[(Setting::ServerTransports, "tcp")],
        "tcp",
        |start| Box::pin(async move { announced(start, &[]).await.network().to_string() }),
    )
    .other(&[(Setting::ServerTransports, "unix")]);

    server_host: Case::new(
        &[(Setting::ServerHost, "127.0.0.2")],
        "127.0.0.2",
        |start| Box::pin(ip(start)),
    )
    .other(&[(Setting::ServerHost, "127.0.0.3")]);

    off_loopback_a_server_needs_certificates: Case::new(
        &[(Setting::ServerHost, "0.0.0.0")],
        "SECURITY_TLS_REQUIRED",
        |start| Box::pin(async move { start.launch(&[TCP]).await.told().await }),
    );

    // The system gives no such port out by itself, and nobody else has this address.
    server_port: Case::new(
        &[(Setting::ServerPort, "29077")],
        "29077",
        |start| Box::pin(async move {
            let [.., high, low] = std::process::id().to_be_bytes();
            let host = format!("127.{}.{low}.77", high | 128);
            match announced(start, &[TCP, ("PLUGIN_SERVER_HOST", &host)]).await {
                Address::Tcp(address) => address.port().to_string(),
                other => panic!("{other}"),
            }
        }),
    )
    .other(&[(Setting::ServerPort, "29078")]);

    server_advertise_host: Case::new(
        &[(Setting::ServerAdvertiseHost, "127.0.0.7")],
        "127.0.0.7",
        |start| Box::pin(ip(start)),
    )
    .other(&[(Setting::ServerAdvertiseHost, "127.0.0.8")]);

    server_unix_socket_path: Case::new(
        &[(Setting::ServerUnixSocketPath, "{base}/exact.sock")],
        "unix:{base}/exact.sock",
        |start| Box::pin(async move {
            match announced(start, &[]).await {
                Address::Unix(path) => format!("unix:{}", path.display()),
                other => panic!("{other}"),
            }
        }),
    )
    .other(&[(Setting::ServerUnixSocketPath, "{base}/other.sock")]);

    server_unix_socket_mode: Case::new(
        &[(Setting::ServerUnixSocketMode, "0660")],
        "660",
        |start| Box::pin(async move {
            let launched = start.served(&[]).await;
            let mode = launched.socket().metadata().unwrap().permissions().mode();
            launched.stop().await;
            format!("{:o}", mode & 0o777)
        }),
    );
}
