//! TCP listeners and connectors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rpcplugin_core::{Address, env::PortRange};
#[cfg(target_os = "linux")]
use rpcplugin_transport::Peer;
use rpcplugin_transport::{ExpectedPeer, Listener, TcpBind, TcpConnector, TcpListener};

use crate::support::{Plugin, client, connect};

fn address(listener: &TcpListener) -> SocketAddr {
    match listener.address() {
        Address::Tcp(address) => address,
        other => panic!("{other}"),
    }
}

fn at(ip: IpAddr, port: u16) -> TcpBind {
    TcpBind::new(ip, PortRange::Within(port..=port))
}

#[tokio::test]
async fn calls_cross_ipv4_and_ipv6() {
    for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let listener = TcpListener::bind(&TcpBind::new(ip, PortRange::System)).unwrap();
        let address = address(&listener);
        assert_eq!(address.ip(), ip);
        let plugin = Plugin::serve(listener);
        let expected = ExpectedPeer::new().pid(std::process::id());
        let channel = connect(TcpConnector::new(address).expect_peer(expected)).await.unwrap();
        assert!(client(&channel).echo(vec![1]).await.is_ok(), "{address}");
        drop(plugin);
    }
}

#[tokio::test]
async fn a_range_of_one_busy_port_is_exhausted() {
    let first = TcpListener::bind(&TcpBind::default()).unwrap();
    let port = address(&first).port();
    let error = TcpListener::bind(&at(Ipv4Addr::LOCALHOST.into(), port)).unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_BIND_FAILED");
    let message = error.to_string();
    assert!(message.starts_with(&format!("could not listen: 127.0.0.1:{port}: ")), "{message}");
    drop(first);
    TcpListener::bind(&at(Ipv4Addr::LOCALHOST.into(), port)).unwrap();
}

#[tokio::test]
async fn a_long_range_lists_its_first_attempts_and_counts_the_rest() {
    // An address of documentation: no machine has it.
    let ip = Ipv4Addr::new(192, 0, 2, 1).into();
    let bind = TcpBind::new(ip, PortRange::Within(20_000..=20_099));
    let message = TcpListener::bind(&bind).unwrap_err().to_string();
    assert_eq!(message.matches("192.0.2.1:").count(), 16, "{message}");
    assert!(message.ends_with("84 more ports of the range failed too"), "{message}");
}

#[tokio::test]
async fn a_free_port_of_the_range_is_found_past_busy_ones() {
    let busy = TcpListener::bind(&TcpBind::default()).unwrap();
    let port = address(&busy).port();
    let range = port.saturating_sub(20)..=port.saturating_add(20);
    for _ in 0..10 {
        let ports = PortRange::Within(range.clone());
        let listener = TcpListener::bind(&TcpBind::new(Ipv4Addr::LOCALHOST.into(), ports)).unwrap();
        assert!(range.contains(&address(&listener).port()) && address(&listener).port() != port);
    }
}

#[tokio::test]
async fn nobody_at_the_port_is_refused() {
    let listener = TcpListener::bind(&TcpBind::default()).unwrap();
    let address = address(&listener);
    drop(listener);
    let error = connect(TcpConnector::new(address)).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_REFUSED");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_port_of_another_process_is_refused_before_the_first_byte() {
    use tokio::io::AsyncReadExt as _;

    let mut listener = TcpListener::bind(&TcpBind::default()).unwrap();
    let mut other =
        std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let connector =
        TcpConnector::new(address(&listener)).expect_peer(ExpectedPeer::new().pid(other.id()));
    let error = connect(connector).await.unwrap_err();
    assert_eq!(error.code(), "SECURITY_PEER_CREDENTIALS");
    let mut io = listener.accept().await.unwrap().io;
    assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
    drop(other.stdin.take());
    other.wait().unwrap();
}

#[tokio::test]
async fn a_dialled_connection_has_no_delay() {
    let listener = TcpListener::bind(&TcpBind::default()).unwrap();
    let mut connector = TcpConnector::new(address(&listener));
    let uri = http::Uri::from_static("http://localhost");
    let io = tower_service::Service::call(&mut connector, uri).await.unwrap();
    assert!(io.inner().nodelay().unwrap());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_user_at_the_other_end_is_known() {
    for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let mut listener = TcpListener::bind(&TcpBind::new(ip, PortRange::System)).unwrap();
        let stream = tokio::net::TcpStream::connect(address(&listener)).await.unwrap();
        let peer = listener.accept().await.unwrap().peer;
        let peer = peer.looked_up().await;
        assert_eq!((peer.pid(), peer.uid()), (None, Peer::ourselves().uid()));
        drop(stream);

        // Whoever is gone already could be anybody, and nobody asked before it went.
        let stream = tokio::net::TcpStream::connect(address(&listener)).await.unwrap();
        let peer = listener.accept().await.unwrap().peer;
        drop(stream);
        assert!(!peer.looked_up().await.is_same_user());

        drop(tokio::net::TcpStream::connect(address(&listener)).await.unwrap());
        assert!(!listener.accept().await.unwrap().peer.is_same_user());
    }
}
