//! Peers with the key and certificate of go-plugin: P-521, an authority.

use rustls::{
    SignatureScheme,
    version::{TLS12, TLS13},
};

use super::peers::{
    P521Key, Peer, Versions, acceptor, dial, go_certificate, identity, layer, pipe, serve,
};
use crate::KeyType;

/// In TLS 1.2 a scheme names the hash alone.
const WAYS: [(SignatureScheme, Versions); 4] = [
    (SignatureScheme::ECDSA_NISTP521_SHA512, &[&TLS13]),
    (SignatureScheme::ECDSA_NISTP521_SHA512, &[&TLS12]),
    (SignatureScheme::ECDSA_NISTP384_SHA384, &[&TLS12]),
    (SignatureScheme::ECDSA_NISTP256_SHA256, &[&TLS12]),
];

#[tokio::test]
async fn a_host_with_a_p521_authority_is_served() {
    let plugin = identity(KeyType::P256);
    for (scheme, versions) in WAYS {
        let acceptor = acceptor(&plugin, &go_certificate());
        let peer = Peer::new(Some(P521Key::certified(scheme))).versions(versions);
        let (near, far) = pipe();
        let (called, served) = tokio::join!(peer.call(near), serve(&acceptor, far));
        served.unwrap();
        assert_eq!(called.unwrap(), b"!", "{scheme:?}");
    }
}

#[tokio::test]
async fn a_plugin_with_a_p521_authority_is_called() {
    let host = identity(KeyType::P256);
    for (scheme, versions) in WAYS {
        let layer = layer(&host, &go_certificate());
        let peer = Peer::new(Some(P521Key::certified(scheme))).versions(versions);
        let (near, far) = pipe();
        let (client, served) = tokio::join!(
            async { dial(&layer, near).await.map(|stream| stream.info().clone()) },
            peer.serve(far)
        );
        assert!(client.unwrap().client_certificate_requested, "{scheme:?}");
        served.unwrap();
    }
}
