//! Rows B11, C1, C2, C6, C7 of the fault catalogue, in plaintext.

use std::{net::SocketAddr, time::Duration};

use rpcplugin_client::AddressException;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{Case, report};

/// A plugin that announces an address at which this test listens.
fn announces(address: SocketAddr) -> Case {
    Case::script(&format!("echo '1|1|tcp|{address}|grpc|'; exec sleep 300"))
        .with(|builder| builder.connection_timeout(Duration::from_millis(400)))
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn nobody_listens() {
    let (listener, address) = listener().await;
    drop(listener);
    let error = announces(address)
        .with(|builder| builder.allow_address_outside(AddressException::AnyOwner))
        .fails_with("TRANSPORT_REFUSED")
        .await;
    assert_eq!(error.to_string(), format!("nobody listens at {address}"));
    assert_eq!(report(&error).status, None);
}

#[tokio::test]
async fn the_socket_is_not_there() {
    let script = "echo '1|1|unix|'$PLUGIN_UNIX_SOCKET_DIR'/s|grpc|'; exec sleep 300";
    Case::script(script).fails_with("TRANSPORT_NOT_FOUND").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_foreign_listener_gets_no_byte() {
    let (listener, address) = listener().await;
    let victim = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.map(|_| read).unwrap_or_default()
    });
    announces(address).fails_with("SECURITY_PEER_CREDENTIALS").await;
    assert_eq!(victim.await.unwrap(), b"");
}

#[tokio::test]
async fn a_peer_of_another_protocol_is_recognised() {
    for words in ["HTTP/1.1 400 Bad Request\r\n\r\n", "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}(", "hello"] {
        let (listener, address) = listener().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(words.as_bytes()).await.unwrap();
            let mut sink = Vec::new();
            let _ = stream.read_to_end(&mut sink).await;
        });
        announces(address)
            .with(|builder| builder.allow_address_outside(AddressException::AnyOwner))
            .fails_with("PROTOCOL_PEER_NOT_GRPC")
            .await;
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_peer_that_accepts_and_stays_silent_is_given_up() {
    let (listener, address) = listener().await;
    let error = announces(address)
        .with(|builder| builder.allow_address_outside(AddressException::AnyOwner))
        .fails_with("TRANSPORT_CONNECT_TIMEOUT")
        .await;
    assert_eq!(error.to_string(), "no connection within 400ms, in phase ready");
    drop(listener);
}

#[tokio::test]
async fn a_network_that_was_not_allowed_is_refused() {
    let (_listener, address) = listener().await;
    let error = announces(address)
        .with(|builder| builder.transports([rpcplugin_client::Network::Unix]))
        .fails_with("HANDSHAKE_TRANSPORT_MISMATCH")
        .await;
    assert_eq!(error.to_string(), "plugin listens on tcp, this host allows unix");
}
