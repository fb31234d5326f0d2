//! A plugin that proves who it is and never asks who its host is, as pyvider's do.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rpcplugin_client::{
    AddressException, Builder, Client, ClientAuthentication, Error, MagicCookie, Tls,
};
use rpcplugin_core::CertificateField;
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{net::TcpListener, process::Command};
use tokio_rustls::TlsAcceptor;
use tonic::{Status, body::Body};

use crate::fake::within;

/// Starts a host for such a plugin.
async fn start(change: impl FnOnce(Builder) -> Builder) -> Result<Client, Error> {
    let signing_key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    let field = CertificateField::from_der(cert.der());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
        let connection = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service_fn(unimplemented));
        let _ = connection.await;
    });
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("echo '1|1|tcp|{address}|grpc|{field}'; exec sleep 300")]);
    let builder = Client::builder(MagicCookie::new("ONE_SIDED_COOKIE", "value"))
        .allow_address_outside(AddressException::AnyOwner);
    within(change(builder).spawn(command)).await
}

async fn unimplemented(_: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    Ok(Status::unimplemented("not here").into_http())
}

#[tokio::test]
async fn it_is_accepted_by_default_and_can_be_told() {
    let plugin = start(|builder| builder).await.unwrap();
    assert_eq!(plugin.tls(), Tls::Auto);
    let info = plugin.tls_info().unwrap();
    assert_eq!(info.version, "TLS 1.3");
    assert!(!info.client_certificate_requested);
    assert_ne!(plugin.peer_certificate(), plugin.host_certificate());
    within(plugin.kill()).await;
}

#[tokio::test]
async fn a_strict_host_refuses_it() {
    let strict = |builder: Builder| builder.client_authentication(ClientAuthentication::Required);
    let error = start(strict).await.unwrap_err();
    assert_eq!(error.code(), "SECURITY_TLS_HANDSHAKE");
    assert_eq!(error.report().unwrap().phase, rpcplugin_core::Phase::Tls);
}
