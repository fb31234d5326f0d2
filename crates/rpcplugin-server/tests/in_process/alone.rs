//! Servers that no host has started.

use std::path::PathBuf;

use rpcplugin_core::{Address, Error};
use rpcplugin_proto::{
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
    plugin::{Empty, grpc_controller_client::GrpcControllerClient},
    probe::probe_client::ProbeClient,
};
use rpcplugin_server::{ListenOn, PluginSet, Server};
use rpcplugin_transport::{ChannelOptions, Generation, PluginChannel, TcpConnector, UnixConnector};
use tonic::Code;

use crate::{probe, with};

fn server() -> Server {
    with(PluginSet::new().service(probe::service()))
}

async fn reach(address: &Address) -> Result<PluginChannel, Error> {
    let (options, generation) = (ChannelOptions::default(), Generation::new());
    match address {
        Address::Unix(path) => {
            PluginChannel::connect(UnixConnector::new(path), options, generation).await
        }
        Address::Tcp(tcp) => {
            PluginChannel::connect(TcpConnector::new(*tcp), options, generation).await
        }
        other => panic!("{other}"),
    }
}

fn socket(address: &Address) -> PathBuf {
    let Address::Unix(path) = address else { panic!("{address}") };
    path.clone()
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_in_test_mode_is_reached_by_its_record_and_ended_by_its_owner() {
    let running = server().plugins(3, PluginSet::new().service(probe::service())).test().await;
    let running = running.unwrap();
    let record = running.reattach().clone();
    assert!(record.test);
    assert_eq!((record.pid, record.protocol_version), (std::process::id(), 3));
    assert!(!record.plugin_cert.is_announced());
    let channel = reach(&record.address).await.unwrap();
    let answer = ProbeClient::new(channel.clone()).echo(b"hello".to_vec()).await.unwrap();
    assert_eq!(answer.into_inner(), b"hello");

    let mut controller = GrpcControllerClient::new(channel.clone());
    let refused = controller.shutdown(Empty {}).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented, "hosts do not end it");
    assert!(ProbeClient::new(channel).echo(Vec::new()).await.is_ok());

    let socket = socket(&record.address);
    assert!(socket.exists());
    running.shutdown().await;
    assert!(!socket.parent().unwrap().exists(), "its directory goes with it");
}

#[cfg(unix)]
#[tokio::test]
async fn dropping_a_server_in_test_mode_ends_it() {
    let running = server().test().await.unwrap();
    let (socket, handle) = (socket(&running.reattach().address), running.handle());
    drop(running);
    handle.shutdown(std::time::Duration::ZERO).await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_standalone_server_answers_health_checks_and_obeys_its_handle_alone() {
    let server = server();
    let handle = server.handle();
    let listen = ListenOn::Tcp(([127, 0, 0, 1], 0).into());
    let serving = tokio::spawn(server.standalone(listen));
    handle.ready().await.unwrap();
    let channel = reach(&handle.address().unwrap()).await.unwrap();
    let mut health = HealthClient::new(channel.clone());
    let answer = health.check(HealthCheckRequest { service: "plugin".to_owned() }).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    let mut controller = GrpcControllerClient::new(channel);
    assert_eq!(controller.shutdown(Empty {}).await.unwrap_err().code(), Code::Unimplemented);
    assert!(!serving.is_finished());
    handle.shutdown(std::time::Duration::from_secs(1)).await;
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn off_loopback_nobody_is_served_without_certificates() {
    let listen = ListenOn::Tcp(([0, 0, 0, 0], 0).into());
    let error = server().standalone(listen).await.unwrap_err();
    assert_eq!(error.code(), "SECURITY_TLS_REQUIRED");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn an_operators_certificates_let_in_whom_its_roots_stand_for() {
    use rpcplugin_tls::{ClientTls, CustomTls, Identity, IdentityParams, Roots, TlsLayer};
    use tower_layer::Layer as _;

    let identity = || Identity::generate(&IdentityParams::default()).unwrap();
    let roots = |of: &Identity| Roots::from_pem(of.certificate().to_pem().as_bytes()).unwrap();
    let (host, plugin, stranger) = (identity(), identity(), identity());
    let server = server().custom_tls(CustomTls::new(plugin.clone(), roots(&host)));
    let handle = server.handle();
    // Bytes may leave the machine now; another address is for hosts to dial.
    let listen = ListenOn::Tcp(([0, 0, 0, 0], 0).into());
    let server = server.announce(Address::Tcp(([127, 0, 0, 1], 0).into()));
    let serving = tokio::spawn(server.standalone(listen));
    handle.ready().await.unwrap();
    assert_eq!(handle.certificate().unwrap(), plugin.certificate().der());
    let Address::Tcp(mut address) = handle.address().unwrap() else { panic!("not TCP") };
    address.set_ip([127, 0, 0, 1].into());
    let call = async |own: Identity| {
        let tls = ClientTls::custom(&CustomTls::new(own, roots(&plugin))).unwrap();
        let connector = TlsLayer::new(tls).layer(TcpConnector::new(address));
        let options = ChannelOptions::default();
        let channel = PluginChannel::connect(connector, options, Generation::new()).await;
        ProbeClient::new(channel.map_err(|error| error.to_string())?)
            .echo(b"hello".to_vec())
            .await
            .map_err(|status| status.to_string())
    };
    assert_eq!(call(host).await.unwrap().into_inner(), b"hello");
    assert!(call(stranger).await.is_err());
    handle.shutdown(std::time::Duration::from_secs(1)).await;
    serving.await.unwrap().unwrap();
}
