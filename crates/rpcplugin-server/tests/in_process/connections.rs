use std::{io, time::Duration};

use futures_util::future::BoxFuture;
use http::Uri;
use rpcplugin_core::{Address, limits};
use rpcplugin_server::PluginSet;
use rpcplugin_transport::{
    Accepted, Listener, Peer,
    memory::{self, MemoryConnector, MemoryListener},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::timeout,
};
use tower_service::Service as _;

use crate::{Running, probe, with};

const ANY: &str = "http://localhost";

#[tokio::test]
async fn many_silent_connections_shut_nobody_out() {
    let running = Running::probe().await;
    let mut connector = running.connector.clone();
    let mut silent = Vec::new();
    for _ in 0..500 {
        silent.push(connector.call(Uri::from_static(ANY)).await.unwrap());
    }
    let mut client = running.client().await;
    assert!(client.echo(Vec::new()).await.is_ok());
    // The oldest were dropped to make room.
    let mut oldest = silent.swap_remove(0).into_inner();
    assert_eq!(oldest.read(&mut [0]).await.unwrap(), 0);
}

/// A connection that has said that it speaks HTTP/2, and nothing since; whether it is served.
async fn greeted(connector: &mut MemoryConnector) -> (DuplexStream, bool) {
    let mut io = connector.call(Uri::from_static(ANY)).await.unwrap().into_inner();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    io.write_all(preface).await.unwrap();
    let served = io.read(&mut [0]).await.is_ok_and(|read| read > 0);
    (io, served)
}

#[tokio::test]
async fn a_newcomer_beyond_the_bound_on_open_connections_is_closed() {
    let running = Running::probe().await;
    let mut client = running.client().await;
    let mut connector = running.connector.clone();
    let mut open = Vec::new();
    for _ in 1..limits::CONNECTIONS {
        let (io, served) = greeted(&mut connector).await;
        assert!(served);
        open.push(io);
    }
    assert!(!greeted(&mut connector).await.1);
    assert!(client.echo(Vec::new()).await.is_ok(), "who was there first is served");
    drop(open.pop());
    let again = async { while !greeted(&mut connector).await.1 {} };
    timeout(Duration::from_secs(20), again).await.expect("a place that is given up is free");
}

/// Shows every connection as another user's.
struct Foreign(MemoryListener);

impl Listener for Foreign {
    fn address(&self) -> Address {
        self.0.address()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            let mut accepted = self.0.accept().await?;
            accepted.peer = Peer::new(None, Some(u32::MAX - 1));
            Ok(accepted)
        })
    }
}

#[cfg(unix)] // Elsewhere the system tells no user.
#[tokio::test]
async fn another_users_connections_are_closed() {
    let (mut connector, listener) = memory::pair();
    let server = with(PluginSet::new().service(probe::service()));
    let _served = tokio::spawn(server.serve_on(Foreign(listener), 1));
    let mut io = connector.call(Uri::from_static(ANY)).await.unwrap().into_inner();
    assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
}
