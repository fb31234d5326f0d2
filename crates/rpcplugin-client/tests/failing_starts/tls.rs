//! Rows B5, B12, B14 and D5 of the fault catalogue.

use std::time::Duration;

use rpcplugin_client::{AddressException, Tls};
use rpcplugin_core::CertificateField;
use rpcplugin_tls::{Identity, IdentityParams};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::support::{Case, report};

fn prints(line: &str) -> Case {
    Case::script(&format!("echo '{line}'; exec sleep 300")).with(|builder| builder.tls(Tls::Auto))
}

#[tokio::test]
async fn without_a_certificate_nothing_is_connected() {
    for line in
        ["1|1|tcp|127.0.0.1:1|grpc", "1|1|tcp|127.0.0.1:1|grpc|", "1|1|tcp|127.0.0.1:1|grpc|short"]
    {
        prints(line).fails_with("SECURITY_CERT_MISSING").await;
    }
    let filler = "A".repeat(80);
    prints(&format!("1|1|tcp|127.0.0.1:1|grpc|{filler}")).fails_with("SECURITY_CERT_INVALID").await;
}

#[tokio::test]
async fn the_host_brings_its_certificate_and_no_key() {
    let error = Case::script("env | grep -v FAILING_COOKIE >&2; exit 1")
        .with(|builder| builder.tls(Tls::Auto))
        .fails_with("HANDSHAKE_PLUGIN_EXITED")
        .await;
    let stderr = report(&error).stderr.join("\n");
    assert!(stderr.contains("PLUGIN_CLIENT_CERT=-----BEGIN CERTIFICATE-----"), "{stderr}");
    assert!(!stderr.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn a_plaintext_server_behind_a_certificate_is_recognised() {
    let identity = Identity::generate(&IdentityParams::new()).unwrap();
    let field = CertificateField::from_der(identity.certificate().der());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    prints(&format!("1|1|tcp|{address}|grpc|{field}"))
        .with(|builder| builder.allow_address_outside(AddressException::AnyOwner))
        .fails_with("SECURITY_NOT_TLS")
        .await;
    server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_never_answers_the_handshake_is_given_up() {
    let identity = Identity::generate(&IdentityParams::new()).unwrap();
    let field = CertificateField::from_der(identity.certificate().der());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = prints(&format!("1|1|tcp|{address}|grpc|{field}"))
        .with(|builder| {
            builder
                .allow_address_outside(AddressException::AnyOwner)
                .connection_timeout(Duration::from_millis(300))
        })
        .fails_with("TRANSPORT_CONNECT_TIMEOUT")
        .await;
    assert_eq!(error.to_string(), "no connection within 300ms, in phase tls");
    drop(listener);
}
