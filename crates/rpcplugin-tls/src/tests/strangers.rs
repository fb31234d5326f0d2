//! What each side sees when the other is not who it should be.

use std::sync::Arc;

use rpcplugin_core::SecurityError;
use rustls::sign::CertifiedKey;

use super::peers::{Peer, VERSIONS, acceptor, go_certificate, identity, layer, meet, pipe};
use crate::{Identity, KeyType};

/// A copy of `certificate` presented with the key of `thief`.
fn copied(certificate: &Identity, thief: &Identity) -> Arc<CertifiedKey> {
    let chain = certificate.certified().unwrap().cert.clone();
    Arc::new(CertifiedKey::new(chain, thief.certified().unwrap().key.clone()))
}

/// What our plugin says to `peer`, in both versions, and what the peer learns of it.
async fn refused(plugin: &Identity, host: &Identity, peer: Peer) -> Vec<SecurityError> {
    let mut errors = Vec::new();
    let mut peer = peer;
    for versions in VERSIONS {
        peer = peer.versions(versions);
        let acceptor = acceptor(plugin, host.certificate());
        let (near, far) = pipe();
        let (called, accepted) = tokio::join!(peer.call(near), acceptor.accept(far));
        let told = crate::explain(&called.unwrap_err()).expect("the alert arrives");
        assert_eq!(told.code(), "SECURITY_CLIENT_REFUSED", "{told}");
        errors.push(accepted.unwrap_err());
    }
    errors
}

#[tokio::test]
async fn a_host_without_a_certificate_is_refused() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    for error in refused(&plugin, &host, Peer::new(None)).await {
        assert_eq!(error.code(), "SECURITY_CLIENT_REFUSED");
        assert_eq!(error.to_string(), "peer was refused: it presents no certificate");
    }
}

#[tokio::test]
async fn a_host_with_a_certificate_of_its_own_is_refused() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    let stranger = identity(KeyType::P256);
    for error in refused(&plugin, &host, Peer::of(&stranger)).await {
        assert_eq!(error.code(), "SECURITY_CLIENT_REFUSED");
        let text = error.to_string();
        assert!(text.contains(&stranger.certificate().fingerprint().to_string()), "{text}");
        assert!(text.contains(&host.certificate().fingerprint().to_string()), "{text}");
    }
}

#[tokio::test]
async fn a_copy_of_the_hosts_certificate_without_its_key_is_refused() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    let thief = identity(KeyType::P256);
    for error in refused(&plugin, &host, Peer::new(Some(copied(&host, &thief)))).await {
        assert_eq!(error.code(), "SECURITY_BAD_SIGNATURE");
        assert!(error.to_string().contains(&host.certificate().fingerprint().to_string()));
    }
}

#[tokio::test]
async fn our_own_host_learns_that_it_was_refused() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    let expected = identity(KeyType::P256);
    let (client, server) =
        meet(&layer(&host, plugin.certificate()), &acceptor(&plugin, expected.certificate())).await;
    assert_eq!(client.unwrap_err().code(), "SECURITY_CLIENT_REFUSED");
    assert_eq!(server.unwrap_err().code(), "SECURITY_CLIENT_REFUSED");
}

#[tokio::test]
async fn a_refused_host_learns_it_over_tcp_however_much_it_writes() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    let expected = identity(KeyType::P256);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = tokio::net::TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(dial, listener.accept());
    let layer = layer(&host, plugin.certificate());
    let acceptor = acceptor(&plugin, expected.certificate());
    let (error, server) = tokio::join!(
        async {
            let mut stream = layer.connect(near.unwrap()).await.unwrap();
            stream.write_all(&[0; 4096]).await.unwrap();
            stream.flush().await.unwrap();
            stream.read(&mut [0]).await.unwrap_err()
        },
        acceptor.accept(far.unwrap().0)
    );
    assert_eq!(server.unwrap_err().code(), "SECURITY_CLIENT_REFUSED");
    assert_eq!(crate::explain(&error).unwrap().code(), "SECURITY_CLIENT_REFUSED");
}

#[tokio::test]
async fn a_plugin_with_another_certificate_is_a_pin_mismatch() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    for announced in [identity(KeyType::P256).certificate().clone(), go_certificate()] {
        let (client, server) =
            meet(&layer(&host, &announced), &acceptor(&plugin, host.certificate())).await;
        let client = client.unwrap_err();
        assert_eq!(client.code(), "SECURITY_PIN_MISMATCH");
        assert_eq!(
            client.to_string(),
            format!(
                "peer shows certificate {}, announced was {}",
                plugin.certificate().fingerprint(),
                announced.fingerprint()
            )
        );
        let server = server.unwrap_err();
        assert_eq!(server.code(), "SECURITY_TLS_HANDSHAKE");
        assert!(server.to_string().contains("AccessDenied"), "{server}");
    }
}

#[tokio::test]
async fn a_copy_of_the_plugins_certificate_without_its_key_is_a_bad_signature() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    let copy = copied(&plugin, &identity(KeyType::P256));
    for versions in VERSIONS {
        let layer = layer(&host, plugin.certificate());
        let (near, far) = pipe();
        let peer = Peer::new(Some(copy.clone())).versions(versions);
        let (client, served) = tokio::join!(layer.connect(near), peer.serve(far));
        let error = client.unwrap_err();
        assert_eq!(error.code(), "SECURITY_BAD_SIGNATURE");
        assert!(error.to_string().contains(&plugin.certificate().fingerprint().to_string()));
        assert!(served.unwrap_err().to_string().contains("DecryptError"));
        assert!(layer.info().is_none());
    }
}

#[tokio::test]
async fn peers_that_do_not_agree_on_http2_are_refused() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    const OTHERS: [&[&[u8]]; 2] = [&[], &[b"http/1.1"]];
    for alpn in OTHERS {
        for versions in VERSIONS {
            let mut peer = Peer::of(&host).versions(versions);
            peer.alpn = alpn;
            let acceptor = acceptor(&plugin, host.certificate());
            let (near, far) = pipe();
            let (called, accepted) = tokio::join!(peer.call(near), acceptor.accept(far));
            called.unwrap_err();
            let error = accepted.unwrap_err();
            assert_eq!(error.code(), "SECURITY_TLS_HANDSHAKE", "{alpn:?}");
            assert!(error.to_string().contains("ALPN"), "{error}");

            let mut peer = Peer::of(&plugin).versions(versions);
            peer.alpn = alpn;
            let layer = layer(&host, plugin.certificate());
            let (near, far) = pipe();
            let (client, _) =
                tokio::join!(async { layer.connect(near).await.map(drop) }, peer.serve(far));
            let error = client.unwrap_err();
            assert_eq!(error.code(), "SECURITY_TLS_HANDSHAKE", "{alpn:?}");
            assert!(error.to_string().contains("ALPN"), "{error}");
        }
    }
}
