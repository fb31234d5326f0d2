//! Both sides with keys and cryptography that are not the default.
#![expect(clippy::unwrap_used, reason = "helpers fail their test this way")]

use rpcplugin::{
    PluginSet,
    core::Error,
    testing::Pair,
    tls::{KeyType, Provider},
};

/// Joins host and plugin, both with this key and provider, and pings.
async fn joined(key_type: KeyType, provider: Provider) -> Result<(), Error> {
    let plugin = Pair::new(PluginSet::new())
        .host(|host| host.cert_key_type(key_type).provider(provider.clone()))
        .plugin(|server| server.cert_key_type(key_type).provider(provider.clone()))
        .join()
        .await?;
    let certificates = [plugin.host_certificate().unwrap(), plugin.peer_certificate().unwrap()];
    // The curve's object identifier.
    const P521: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x23";
    for certificate in certificates {
        let is_p521 = certificate.der().windows(P521.len()).any(|window| window == P521);
        assert_eq!(is_p521, key_type == KeyType::P521);
    }
    plugin.ping().await.map(drop)
}

#[tokio::test]
async fn ring_makes_all_keys_but_p521() {
    for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
        joined(key_type, Provider::Ring).await.unwrap();
    }
    let code = if cfg!(feature = "aws-lc-rs") { "CONFIG_INVALID" } else { "CONFIG_NOT_BUILT" };
    let error = joined(KeyType::P521, Provider::Ring).await.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    let pair = Pair::new(PluginSet::new());
    let pair = pair.plugin(|server| server.cert_key_type(KeyType::P521));
    assert_eq!(pair.join().await.unwrap_err().code(), code, "the plugin's side");
}

#[cfg(feature = "aws-lc-rs")]
#[tokio::test]
async fn with_aws_lc_rs_both_sides_may_have_p521_keys() {
    for key_type in [KeyType::P256, KeyType::P521] {
        joined(key_type, Provider::AwsLcRs).await.unwrap();
    }
}

#[cfg(feature = "aws-lc-rs")]
#[tokio::test]
async fn the_sides_may_have_different_providers() {
    for is_host in [false, true] {
        let pair = Pair::new(PluginSet::new());
        let pair = if is_host {
            pair.host(|host| host.cert_key_type(KeyType::P521).provider(Provider::AwsLcRs))
        } else {
            pair.plugin(|server| server.cert_key_type(KeyType::P521).provider(Provider::AwsLcRs))
        };
        pair.join().await.unwrap().ping().await.unwrap();
    }
}

#[cfg(feature = "custom-provider")]
#[tokio::test]
async fn the_callers_own_provider_is_used_on_both_sides() {
    use std::sync::Arc;

    use rpcplugin::tls::rustls::crypto;

    let own = |suites| {
        let mut own = crypto::ring::default_provider();
        own.cipher_suites.retain(|suite| suites == (suite.suite() == ONLY));
        Provider::custom(Arc::new(own))
    };
    const ONLY: rpcplugin::tls::rustls::CipherSuite =
        rpcplugin::tls::rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
    joined(KeyType::P256, own(true)).await.unwrap();
    // Without a suite in common nothing comes of it.
    let error = Pair::new(PluginSet::new())
        .host(|host| host.provider(own(true)))
        .plugin(|server| server.provider(own(false)))
        .join()
        .await
        .unwrap_err();
    assert_eq!(error.code(), "SECURITY_TLS_HANDSHAKE", "{error}");
}
