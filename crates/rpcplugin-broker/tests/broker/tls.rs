use std::time::Duration;

use rpcplugin_broker::{Broker, Protection};
use rpcplugin_core::limits;
use rpcplugin_tls::{ClientTls, Identity, IdentityParams, TlsLayer};
use rpcplugin_transport::{
    ChannelOptions, Generation, PluginChannel, UnixConnector, error_from_status,
};
use tokio::time::Instant;

use crate::support::{Alone, Pair, Setup, ask, names, within};

fn identity() -> Identity {
    Identity::generate(&IdentityParams::default()).unwrap()
}

/// What a side with this identity presents and demands, as client and as server.
fn tls(own: &Identity, other: &Identity) -> Protection {
    Protection::mutual(
        own,
        other.certificate(),
        rpcplugin_tls::TlsVersion::default(),
        limits::CONNECTION_TIMEOUT,
    )
    .unwrap()
}

fn mutual() -> Setup {
    let (host, plugin) = (identity(), identity());
    Setup { protection: [tls(&host, &plugin), tls(&plugin, &host)], ..Setup::default() }
}

#[tokio::test]
async fn each_side_proves_itself_both_ways() {
    for tcp in [false, true] {
        let pair = Pair::new(Setup { tcp, ..mutual() }).await;
        let (host, plugin) = pair.brokers();
        for (server, dialler) in [(host, plugin), (plugin, host)] {
            let served = server.serve(names("secret")).await.unwrap();
            let channel = within(5, dialler.dial(served.id())).await.unwrap();
            assert_eq!(ask(&channel, "k").await.unwrap(), "secret:k");
        }
    }
}

/// Serves one side channel and dials it past the broker.
async fn dial_past(server: &Alone, layer: Option<TlsLayer>) -> &'static str {
    let served = server.broker.serve(names("secret")).await.unwrap();
    let path = std::fs::read_dir(server.directory.path()).unwrap().next().unwrap().unwrap().path();
    let (options, generation) = (ChannelOptions::new(), Generation::new());
    let connector = UnixConnector::new(path);
    let connected = match layer {
        None => PluginChannel::connect(connector, options, generation).await,
        Some(layer) => {
            let secure = tower_layer::Layer::layer(&layer, connector);
            PluginChannel::connect(secure, options, generation).await
        }
    };
    let error = match connected {
        Ok(channel) => error_from_status(&within(2, ask(&channel, "k")).await.unwrap_err()),
        Err(error) => error,
    };
    drop(served);
    error.code()
}

#[tokio::test]
async fn d15_a_dialler_without_the_right_certificate_is_refused() {
    let (host, plugin) = (identity(), identity());
    let setup =
        Setup { protection: [tls(&host, &plugin), tls(&plugin, &host)], ..Setup::default() };
    let pair = Pair::new(setup).await;
    let start = Instant::now();
    // The right server, and a client that is somebody else.
    let stranger = ClientTls::pinned(&identity(), plugin.certificate()).unwrap();
    let code = dial_past(&pair.plugin, Some(TlsLayer::new(stranger))).await;
    assert!(matches!(code, "SECURITY_CLIENT_REFUSED" | "TRANSPORT_DISCONNECTED"), "{code}");
    // No TLS at all.
    let code = dial_past(&pair.plugin, None).await;
    assert!(matches!(code, "PROTOCOL_PEER_NOT_GRPC" | "TRANSPORT_DISCONNECTED"), "{code}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn d15_an_acceptor_with_another_certificate_is_refused() {
    let (host, plugin, other) = (identity(), identity(), identity());
    let host_side = tls(&host, &plugin);
    let impostor = tls(&other, &host);
    let pair = Pair::new(Setup { protection: [host_side, impostor], ..Setup::default() }).await;
    let served = pair.plugin.broker.serve(names("secret")).await.unwrap();
    let id = served.id();
    let dial = |broker: Broker| async move { broker.dial(id).await };
    let start = Instant::now();
    let error = within(5, dial(pair.host.broker.clone())).await.unwrap_err();
    assert_eq!(error.code(), "SECURITY_PIN_MISMATCH");
    assert!(start.elapsed() < Duration::from_secs(1));
    let error = within(5, dial(pair.host.broker.clone())).await.unwrap_err();
    assert_eq!(error.code(), "SECURITY_PIN_MISMATCH", "the offer stays as it is");
}

#[tokio::test(start_paused = true)]
async fn an_acceptor_that_stays_silent_costs_the_time_for_tls() {
    let pair = Pair::new(mutual()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    drop(pair.plugin.broker.serve(names("x")).await.unwrap());
    let raw = crate::raw::RawHost::new(&pair.plugin).await;
    raw.announce(9, "tcp", &listener.local_addr().unwrap().to_string()).await;
    let start = Instant::now();
    let error = pair.plugin.broker.dial(9).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_CONNECT_TIMEOUT");
    assert!(start.elapsed() <= limits::CONNECTION_TIMEOUT * 2);
}
