use std::ffi::OsString;

use rpcplugin_core::{
    Config, Error,
    config::{Secret, Values},
};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_server::PluginSet;
use rpcplugin_tls::{Certificate, ClientTls, Identity, IdentityParams, TlsLayer};
use rpcplugin_transport::{ChannelOptions, Generation, PluginChannel};
use tower_layer::Layer as _;

use crate::{Running, probe, refused, with};

fn identity() -> Identity {
    Identity::generate(&IdentityParams::default()).unwrap()
}

async fn secured(host: &Identity) -> Running {
    let pem: OsString = host.certificate().to_pem().into();
    let server = with(PluginSet::new().service(probe::service()))
        .require_tls()
        .environment(move |name| (name == "PLUGIN_CLIENT_CERT").then(|| pem.clone()));
    Running::start(server).await
}

async fn connect(running: &Running, own: &Identity) -> Result<PluginChannel, Error> {
    let plugin = Certificate::from_der(&running.handle.certificate().unwrap()).unwrap();
    let layer = TlsLayer::new(ClientTls::pinned(own, &plugin).unwrap());
    let connector = layer.layer(running.connector.clone());
    PluginChannel::connect(connector, ChannelOptions::default(), Generation::new()).await
}

/// What becomes of a stranger's call.
async fn stranger(running: &Running, own: &Identity) -> bool {
    match connect(running, own).await {
        Err(_) => false,
        Ok(channel) => ProbeClient::new(channel).echo(Vec::new()).await.is_ok(),
    }
}

#[tokio::test]
async fn the_host_is_let_in_and_a_stranger_with_a_certificate_of_its_own_is_not() {
    let host = identity();
    let running = secured(&host).await;
    assert!(!stranger(&running, &identity()).await);
    let channel = connect(&running, &host).await.unwrap();
    let mut client = ProbeClient::new(channel);
    assert_eq!(client.echo(b"secret".to_vec()).await.unwrap().into_inner(), b"secret");
}

#[tokio::test]
async fn plaintext_reaches_no_service_under_tls() {
    let host = identity();
    let running = secured(&host).await;
    let connector = running.connector.clone();
    let channel =
        PluginChannel::connect(connector, ChannelOptions::default(), Generation::new()).await;
    if let Ok(channel) = channel {
        assert!(ProbeClient::new(channel).echo(Vec::new()).await.is_err());
    }
    assert!(connect(&running, &host).await.is_ok(), "the host is served all the same");
}

#[tokio::test]
async fn an_unreadable_host_certificate_ends_the_start() {
    let two = format!("{0}{0}", identity().certificate().to_pem());
    for text in ["garbage".to_owned(), two] {
        let text = OsString::from(text);
        let server = with(PluginSet::new())
            .environment(move |name| (name == "PLUGIN_CLIENT_CERT").then(|| text.clone()));
        assert_eq!(refused(server).await.code(), "SECURITY_CLIENT_CERT_INVALID");
    }
}

#[tokio::test]
async fn a_host_s_certificate_in_the_settings_is_no_identity_of_the_plugin() {
    let host = identity();
    let values = Values::new()
        .auto_mtls(false)
        .host_cert(&host.certificate().to_pem())
        .host_key(Secret::from(host.to_secret_pem().expose()));
    for announced in [Some(OsString::from(host.certificate().to_pem())), None] {
        let config = Config::builder().program(values.clone()).build().unwrap();
        let server = with(PluginSet::new())
            .config(config)
            .environment(move |name| announced.clone().filter(|_| name == "PLUGIN_CLIENT_CERT"));
        assert_eq!(refused(server).await.code(), "SECURITY_TLS_REQUIRED");
    }
}
