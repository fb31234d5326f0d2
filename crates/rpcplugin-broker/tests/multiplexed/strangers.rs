use std::time::Duration;

use futures_util::future::BoxFuture;
use rpcplugin_core::Address;
use rpcplugin_transport::{Accepted, Listener as _, Peer, UnixBind, UnixConnector, UnixListener};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};
use tower_service::Service as _;

use crate::{
    pair::{MuxSide, dialled},
    support::{Setup, Task, ask, names, within},
};

struct Plugin {
    connector: UnixConnector,
    side: MuxSide,
    _serving: Task,
    _directory: tempfile::TempDir,
}

fn plugin() -> Plugin {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(&UnixBind::new().dir(directory.path())).unwrap();
    let Address::Unix(path) = listener.address() else { unreachable!() };
    let connector = UnixConnector::new(path);
    let (side, serving) = MuxSide::plugin(&Setup::default(), listener);
    Plugin { connector, side, _serving: serving, _directory: directory }
}

async fn dial(plugin: &Plugin) -> Accepted {
    dialled(plugin.connector.clone()).await
}

async fn is_served(plugin: &Plugin) {
    serves(&plugin.side, dial(plugin).await).await;
}

/// A host that has to prove itself, since it is not the parent of this process.
async fn serves(plugin: &MuxSide, connection: Accepted) {
    let host = MuxSide::host(&Setup::default());
    host.multiplexer.run(connection);
    let channel = rpcplugin_transport::PluginChannel::connect(
        host.multiplexer.connector(),
        rpcplugin_transport::ChannelOptions::new(),
        rpcplugin_transport::Generation::new(),
    )
    .await
    .unwrap();
    let broker = host.broker().clone();
    let running = tokio::spawn(async move { broker.run(channel).await });
    let served = within(10, plugin.broker().serve(names("plugin"))).await.unwrap();
    let channel = within(10, host.broker().dial(served.id())).await.unwrap();
    assert_eq!(ask(&channel, "k").await.unwrap(), "plugin:k");
    running.abort();
}

#[tokio::test]
async fn f12_a_stranger_that_connects_first_shuts_nobody_out_and_is_dropped_after_2_s() {
    let plugin = plugin();
    let mut squatter = dial(&plugin).await.io;
    let start = Instant::now();
    let mut rest = Vec::new();
    within(10, squatter.read_to_end(&mut rest)).await.unwrap();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(1900), "{took:?}");
    is_served(&plugin).await;
}

#[tokio::test]
async fn strangers_go_once_the_host_is_found() {
    let plugin = plugin();
    let mut squatters = Vec::new();
    for _ in 0..12 {
        squatters.push(dial(&plugin).await.io);
    }
    squatters[0].write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    within(5, is_served(&plugin)).await;
    for squatter in &mut squatters {
        let _ = within(5, squatter.read_to_end(&mut Vec::new())).await;
    }
    let mut late = plugin.connector.clone();
    let refused = late.call("http://localhost".parse().unwrap());
    assert!(refused.await.is_err(), "the socket is closed");
}

/// In memory and on a paused clock, so that waiting for anybody's 2 s would show.
#[tokio::test(start_paused = true)]
async fn more_strangers_than_are_judged_at_once_delay_nobody() {
    let (connector, listener) = rpcplugin_transport::memory::pair();
    let (side, _serving) = MuxSide::plugin(&Setup::default(), listener);
    let start = Instant::now();
    let mut squatters = Vec::new();
    for _ in 0..200 {
        squatters.push(dialled(connector.clone()).await.io);
    }
    // The oldest made room.
    squatters[0].read_to_end(&mut Vec::new()).await.unwrap();
    serves(&side, dialled(connector).await).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

/// Gives the connections of a listener these peers, one after the other.
struct Peers<L>(L, std::vec::IntoIter<Peer>);

impl<L: rpcplugin_transport::Listener> rpcplugin_transport::Listener for Peers<L> {
    fn address(&self) -> Address {
        self.0.address()
    }

    fn accept(&mut self) -> BoxFuture<'_, std::io::Result<Accepted>> {
        Box::pin(async {
            let accepted = self.0.accept().await?;
            Ok(Accepted::new(accepted.io, self.1.next().unwrap()))
        })
    }
}

#[cfg(unix)]
#[tokio::test]
async fn f12_a_stranger_that_speaks_as_a_host_does_gives_way_to_the_parent() {
    let (connector, listener) = rpcplugin_transport::memory::pair();
    let parent = Peer::new(Some(std::os::unix::process::parent_id()), Peer::ourselves().uid());
    let peers = vec![Peer::ourselves(), Peer::ourselves(), parent.clone(), parent];
    let listener = Peers(listener, peers.into_iter());
    let (side, _serving) = MuxSide::plugin_for_the_parent(&Setup::default(), listener);
    let stranger = MuxSide::host(&Setup::default());
    stranger.multiplexer.run(dialled(connector.clone()).await);
    let channel = rpcplugin_transport::PluginChannel::connect(
        stranger.multiplexer.connector(),
        rpcplugin_transport::ChannelOptions::new(),
        rpcplugin_transport::Generation::new(),
    );
    let _channel = within(10, channel).await.unwrap();
    // Another one is too late: the place is taken, but for the parent.
    let mut late = dialled(connector.clone()).await.io;
    assert_eq!(within(10, late.read(&mut [0; 1])).await.unwrap(), 0);
    serves(&side, dialled(connector.clone()).await).await;
    within(10, stranger.multiplexer.ended()).await;
    let mut again = connector;
    let refused = again.call("http://localhost".parse().unwrap());
    assert!(within(10, refused).await.is_err(), "the socket is closed");
}

#[test]
fn a_peer_without_credentials_is_a_stranger() {
    assert_eq!(Peer::default().pid(), None);
}
