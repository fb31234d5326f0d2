use std::io;

use futures_util::future::BoxFuture;
use http::Uri;
use rpcplugin_core::Address;
use rpcplugin_server::PluginSet;
use rpcplugin_transport::{
    Accepted, Listener, Peer,
    memory::{self, MemoryListener},
};
use tokio::io::AsyncReadExt as _;
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
