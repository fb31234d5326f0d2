//! TLS and certificates.

use std::{fs, sync::Arc, time::Duration};

use rpcplugin::{
    client::PluginChannel,
    config::Setting,
    tls::{
        AuthorityParams, CertAuthority, CertDirectory, CertInfo, Certificate, ClientTls, CustomTls,
        Identity, IdentityParams, TlsLayer,
    },
    transport::{ChannelOptions, Generation, UnixConnector},
};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rustls::pki_types::ServerName;
use tokio::net::UnixStream;
use tower::Layer as _;

use crate::{
    case::{Case, cases, papers},
    launched::{LONG, Launched, Start},
};

/// A host with a one-time certificate.
fn one_time() -> String {
    Identity::generate(&IdentityParams::default()).unwrap().certificate().to_pem()
}

async fn told(start: Start<'_>, variables: &[(&str, &str)]) -> String {
    start.launch(variables).await.told().await
}

/// Whether a host with a certificate of this authority is served.
async fn served_by(launched: &Launched, authority: &CertAuthority) -> bool {
    let own = authority.issue(&IdentityParams::issued("host")).unwrap();
    let tls = CustomTls::new(own, authority.roots().unwrap());
    let connector = TlsLayer::new(ClientTls::custom(&tls).unwrap())
        .layer(UnixConnector::new(launched.socket()));
    let channel =
        PluginChannel::connect(connector, ChannelOptions::default(), Generation::new()).await;
    match channel {
        Ok(channel) => ProbeClient::new(channel).echo(Vec::new()).await.is_ok(),
        Err(_) => false,
    }
}

/// What a host of the operator's finds.
async fn operators(start: Start<'_>) -> String {
    let launched = start.served(&[]).await;
    assert!(!launched.handshake.certificate.is_announced(), "the host's roots decide");
    let served = served_by(&launched, &papers().authority).await;
    let stranger = CertAuthority::create(&AuthorityParams::new("stranger")).unwrap();
    assert!(!served || !served_by(&launched, &stranger).await, "strangers are turned away");
    launched.stop().await;
    (if served { "serves the operator's hosts" } else { "refuses" }).to_owned()
}

/// A directory with an authority, and a certificate of the plugin's that ends in ten days.
fn directory(start: &Start<'_>, with_certificate: bool) -> CertDirectory {
    let path = start.guard.scratch().join("certificates");
    let _ = fs::remove_dir_all(&path);
    let directory = CertDirectory::new(path).unwrap();
    let authority = &papers().authority;
    directory.save_authority(authority).unwrap();
    if with_certificate {
        let params = IdentityParams::issued("plugin").validity_days(10);
        directory.save_server(&authority.issue(&params).unwrap()).unwrap();
    }
    directory
}

/// The days that are left of the plugin's certificate once it has started.
async fn days_left(start: Start<'_>, with_certificate: bool, fixed: &[(&str, &str)]) -> String {
    let directory = directory(&start, with_certificate);
    let before = directory.server().ok().map(|one| CertInfo::of(one.certificate()));
    let path = directory.path().display().to_string();
    let mut variables = vec![("PLUGIN_MTLS_CERT_DIR", path.as_str())];
    variables.extend(fixed);
    let launched = start.served(&variables).await;
    assert!(served_by(&launched, &papers().authority).await);
    launched.stop().await;
    let info = CertInfo::of(directory.server().unwrap().certificate());
    if let Some(before) = before {
        assert_eq!((&before.subject, &before.names), (&info.subject, &info.names));
    }
    let left = info.time_left(std::time::SystemTime::now()).unwrap();
    // An hour more, because starting took some.
    ((left.as_secs() + 3600) / 86_400).to_string()
}

/// Whether the plugin speaks TLS 1.2.
async fn speaks_tls12(socket: &std::path::Path) -> bool {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let io = UnixStream::connect(socket).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let error = connector.connect(name, io).await.unwrap_err().to_string();
    // It got as far as a certificate that nobody has vouched for.
    error.contains("certificate")
}

cases! {
    auto_mtls: Case::new(
        &[(Setting::AutoMtls, "false")],
        "SECURITY_TLS_REQUIRED",
        |start| Box::pin(told(start, &[])),
    );

    insecure: Case::new(
        &[(Setting::Insecure, "true")],
        "SECURITY_CONFIG_CONFLICT",
        |start| Box::pin(async move {
            let host = one_time();
            told(start, &[("PLUGIN_CLIENT_CERT", &host)]).await
        }),
    );

    without_one_time_certificates_plaintext_is_chosen_on_purpose: Case::new(
        &[(Setting::AutoMtls, "false"), (Setting::Insecure, "true")],
        "serves",
        |start| Box::pin(told(start, &[("PLUGIN_SERVER_REQUIRE_TLS", "")])),
    )
    .other(&[(Setting::AutoMtls, "false")]);

    server_require_tls: Case::new(
        &[(Setting::ServerRequireTls, "true")],
        "SECURITY_TLS_REQUIRED",
        |start| Box::pin(told(start, &[])),
    );

    tls_min_version: Case::new(
        &[(Setting::TlsMinVersion, "1.3")],
        "TLS 1.2: false",
        |start| Box::pin(async move {
            let host = one_time();
            let launched = start.served(&[("PLUGIN_CLIENT_CERT", &host)]).await;
            let speaks = speaks_tls12(&launched.socket()).await;
            launched.stop().await;
            format!("TLS 1.2: {speaks}")
        }),
    )
    .other(&[(Setting::TlsMinVersion, "1.2")]);

    connection_timeout: Case::new(
        &[(Setting::ConnectionTimeout, "0.2")],
        "hangs up",
        |start| Box::pin(async move {
            let host = one_time();
            let launched = start.served(&[("PLUGIN_CLIENT_CERT", &host)]).await;
            let mut silent = UnixStream::connect(launched.socket()).await.unwrap();
            let limit = if start.is_given("0.2") { LONG } else { Duration::from_secs(1) };
            let mut byte = [0];
            let read = tokio::io::AsyncReadExt::read(&mut silent, &mut byte);
            let cut = tokio::time::timeout(limit, read).await.is_ok();
            launched.stop().await;
            (if cut { "hangs up" } else { "waits" }).to_owned()
        }),
    )
    .other(&[(Setting::ConnectionTimeout, "600")]);

    cert_key_type: Case::new(
        &[(Setting::CertKeyType, "p384")],
        "P-384",
        |start| Box::pin(async move {
            /// The curve's object identifier.
            const P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
            let host = one_time();
            let launched = start.served(&[("PLUGIN_CLIENT_CERT", &host)]).await;
            let der = launched.handshake.certificate.der().unwrap();
            launched.stop().await;
            assert!(Certificate::from_der(&der).is_ok());
            let is_p384 = der.windows(P384.len()).any(|window| window == P384);
            (if is_p384 { "P-384" } else { "another" }).to_owned()
        }),
    )
    .other(&[(Setting::CertKeyType, "ed25519")]);

    certificates_of_its_own: Case::new(
        &[
            (Setting::ServerCert, "{certificate}"),
            (Setting::ServerKey, "{key}"),
            (Setting::ClientRootCerts, "{authority}"),
        ],
        "serves the operator's hosts",
        |start| Box::pin(operators(start)),
    );

    roots_of_either_side: Case::new(
        &[
            (Setting::ServerCert, "{certificate}"),
            (Setting::ServerKey, "{key}"),
            (Setting::CaCert, "{authority}"),
        ],
        "serves the operator's hosts",
        |start| Box::pin(operators(start)),
    );

    half_of_what_is_needed_is_refused: Case::new(
        &[(Setting::ServerCert, "{certificate}"), (Setting::ServerKey, "{key}")],
        "CONFIG_CONFLICT",
        |start| Box::pin(told(start, &[])),
    );

    mtls_cert_dir: Case::new(
        &[(Setting::MtlsCertDir, "{scratch}/certificates")],
        "serves the operator's hosts",
        |start| Box::pin(async move {
            directory(&start, true);
            operators(start).await
        }),
    );

    cert_validity_days: Case::new(
        &[(Setting::CertValidityDays, "60")],
        "60",
        |start| Box::pin(days_left(start, false, &[])),
    )
    .other(&[(Setting::CertValidityDays, "90")]);

    cert_rotation_days: Case::new(
        &[(Setting::CertRotationDays, "20")],
        "365",
        |start| Box::pin(days_left(start, true, &[])),
    )
    .other(&[(Setting::CertRotationDays, "5")]);
}
