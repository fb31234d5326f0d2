use std::time::Duration;

use hyper_util::rt::TokioIo;
use rpcplugin_core::{Error, TransportError};
use rustls::SignatureScheme;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tower_layer::Layer as _;
use tower_service::Service;

use super::peers::{Peer, VERSIONS, acceptor, dial, identity, layer, meet, pipe, serve};
use crate::{Identity, IdentityParams, KeyType};

#[tokio::test]
async fn every_kind_of_key_authenticates_both_sides() {
    for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
        let (host, plugin) = (identity(key_type), identity(key_type));
        let layer = layer(&host, plugin.certificate());
        let (client, server) = meet(&layer, &acceptor(&plugin, host.certificate())).await;
        let (client, server) = (client.unwrap(), server.unwrap());
        assert_eq!(client.info().version, "TLS 1.3", "{key_type:?}");
        assert_eq!(client.info().cipher_suite, server.info().cipher_suite);
        assert!(client.info().client_certificate_requested);
        assert_eq!(layer.info().as_ref(), Some(client.info()));
    }
}

#[tokio::test]
async fn dates_and_names_do_not_matter_to_a_pin() {
    let expired = IdentityParams::new()
        .backdate(Duration::from_secs(7200))
        .lifetime(Duration::ZERO)
        .names([crate::San::Dns("elsewhere.example".into())]);
    let (host, plugin) =
        (Identity::generate(&expired).unwrap(), Identity::generate(&expired).unwrap());
    let (client, server) =
        meet(&layer(&host, plugin.certificate()), &acceptor(&plugin, host.certificate())).await;
    client.unwrap();
    server.unwrap();
}

#[tokio::test]
async fn peers_of_either_version_alone_are_served() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    for (versions, name) in VERSIONS.into_iter().zip(["TLS 1.2", "TLS 1.3"]) {
        let acceptor = acceptor(&plugin, host.certificate());
        let (near, far) = pipe();
        let peer = Peer::of(&host).versions(versions);
        let (called, served) = tokio::join!(peer.call(near), serve(&acceptor, far));
        assert_eq!((called.unwrap().as_slice(), served.unwrap().info().version), (&b"!"[..], name));

        let layer = layer(&host, plugin.certificate());
        let (near, far) = pipe();
        let peer = Peer::of(&plugin).versions(versions);
        let (client, served) = tokio::join!(
            async { dial(&layer, near).await.map(|stream| stream.info().clone()) },
            peer.serve(far)
        );
        assert_eq!(client.unwrap().version, name);
        served.unwrap();
    }
}

#[tokio::test]
async fn a_connector_is_secured_over_real_sockets() {
    #[derive(Clone)]
    struct Dial(std::net::SocketAddr);
    impl Service<http::Uri> for Dial {
        type Response = TokioIo<TcpStream>;
        type Error = Error;
        type Future =
            std::pin::Pin<Box<dyn Future<Output = Result<TokioIo<TcpStream>, Error>> + Send>>;
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Error>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: http::Uri) -> Self::Future {
            let address = self.0;
            Box::pin(async move {
                TcpStream::connect(address)
                    .await
                    .map(TokioIo::new)
                    .map_err(|_| TransportError::Refused { address: address.to_string() }.into())
            })
        }
    }

    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connector =
        layer(&host, plugin.certificate()).layer(Dial(listener.local_addr().unwrap()));
    let acceptor = acceptor(&plugin, host.certificate());
    let (client, server) =
        tokio::join!(connector.call("http://localhost".parse().unwrap()), async {
            acceptor.accept(listener.accept().await.unwrap().0).await
        });
    let (mut client, mut server) = (client.unwrap().into_inner(), server.unwrap());

    let sent = vec![7; 300_000];
    let mut received = vec![0; sent.len()];
    let (written, read) = tokio::join!(
        async {
            client.write_all(&sent).await?;
            client.flush().await
        },
        server.read_exact(&mut received)
    );
    written.unwrap();
    read.unwrap();
    assert!(sent == received);

    drop(listener);
    let error = connector.call("http://localhost".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_REFUSED", "errors of the connector below pass through");
}

#[tokio::test]
async fn a_server_that_never_asks_for_our_certificate_is_told_apart() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    for versions in VERSIONS {
        let layer = layer(&host, plugin.certificate());
        let mut peer = Peer::of(&plugin).versions(versions);
        peer.asks = false;
        let (near, far) = pipe();
        let (client, _) = tokio::join!(
            async { dial(&layer, near).await.map(|stream| stream.info().clone()) },
            peer.serve(far)
        );
        assert!(!client.unwrap().client_certificate_requested);
        assert!(!layer.info().unwrap().client_certificate_requested);
    }
}

#[tokio::test]
async fn a_server_that_cannot_verify_our_key_is_an_error() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    for versions in VERSIONS {
        let mut peer = Peer::of(&plugin).versions(versions);
        peer.schemes = vec![SignatureScheme::ED25519];
        let layer = layer(&host, plugin.certificate());
        let (near, far) = pipe();
        let (client, _) =
            tokio::join!(async { layer.connect(near).await.map(drop) }, peer.serve(far));
        let error = client.unwrap_err();
        assert_eq!(error.code(), "SECURITY_TLS_HANDSHAKE");
        assert!(error.to_string().contains("no signature that our key can make"), "{error}");
    }
}

#[cfg(feature = "aws-lc-rs")]
#[tokio::test]
async fn the_other_provider_makes_p521_keys_and_both_providers_talk() {
    use crate::Provider;

    let other = |key_type| {
        let params = IdentityParams::new().provider(Provider::AwsLcRs).key_type(key_type);
        Identity::generate(&params).unwrap()
    };
    for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519, KeyType::P521] {
        let (host, plugin) = (identity(KeyType::P256), other(key_type));
        for (host, plugin) in [(&host, &plugin), (&plugin, &host), (&plugin, &plugin)] {
            let (client, server) =
                meet(&layer(host, plugin.certificate()), &acceptor(plugin, host.certificate()))
                    .await;
            client.unwrap();
            server.unwrap();
        }
    }
}

#[tokio::test]
async fn m1_one_time_certificates_that_have_expired_reconnect_by_their_pins() {
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(20 * 365 * 86_400);
    let [host, plugin, other] = [0, 1, 2]
        .map(|_| crate::Identity::generate(&crate::IdentityParams::new().at(long_ago)).unwrap());
    let info = crate::CertInfo::of(plugin.certificate());
    assert_eq!(info.time_left(std::time::SystemTime::now()), None);
    let layer = layer(&host, plugin.certificate());
    let (right, wrong) =
        (acceptor(&plugin, host.certificate()), acceptor(&other, host.certificate()));
    for _ in 0..2 {
        let (client, server) = meet(&layer, &right).await;
        client.unwrap();
        server.unwrap();
        let (client, _) = meet(&layer, &wrong).await;
        assert_eq!(client.unwrap_err().code(), "SECURITY_PIN_MISMATCH");
    }
}

#[tokio::test]
async fn pinned_sides_keep_the_oldest_version_too() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    let newest = crate::TlsVersion::Tls13;
    let client = crate::ClientTls::pinned(&host, plugin.certificate()).unwrap();
    let server = crate::ServerTls::pinned(&plugin, host.certificate()).unwrap();
    let layer = crate::TlsLayer::new(client.min_version(newest).unwrap());
    let acceptor = crate::TlsAcceptor::new(server.min_version(newest).unwrap());
    let (client, server) = meet(&layer, &acceptor).await;
    assert_eq!(client.unwrap().info().version, "TLS 1.3");
    server.unwrap();
    let (near, far) = pipe();
    let old = Peer::of(&host).versions(VERSIONS[0]);
    let (_, refused) = tokio::join!(old.call(near), serve(&acceptor, far));
    assert_eq!(refused.err().unwrap().code(), "SECURITY_TLS_HANDSHAKE");
    let (near, far) = pipe();
    let old = Peer::of(&plugin).versions(VERSIONS[0]);
    let (refused, _) = tokio::join!(dial(&layer, near), old.serve(far));
    assert_eq!(refused.err().unwrap().code(), "SECURITY_TLS_HANDSHAKE");
}
