//! Peers that do not speak TLS, or not in time.

use std::{
    io::{Error as IoError, ErrorKind},
    time::Duration,
};

use proptest::prelude::*;
use rpcplugin_core::limits;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};

use super::peers::{acceptor, identity, layer, pipe};
use crate::{KeyType, TlsAcceptor, TlsLayer};

fn ends() -> (TlsLayer, TlsAcceptor) {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    (layer(&host, plugin.certificate()), acceptor(&plugin, host.certificate()))
}

const OTHER_PROTOCOLS: [(&[u8], &str); 5] = [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", r"HTTP/1.1 400 Bad Request\r\n\r\n"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", r"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    // The first frame of an HTTP/2 server.
    (b"\0\0\0\x04\0\0\0\0\0", r"\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", r"SSH-2.0-OpenSSH_9.2\r\n"),
    (b"\xff", r"\xff"),
];

#[tokio::test]
async fn peers_of_other_protocols_are_named_by_their_first_bytes() {
    for (bytes, shown) in OTHER_PROTOCOLS {
        let (layer, acceptor) = ends();
        let expected = format!("peer does not speak TLS: its first bytes are \"{shown}\"");

        let (near, mut far) = pipe();
        let (client, _) = tokio::join!(layer.connect(near), async {
            far.write_all(bytes).await.unwrap();
            far.shutdown().await.unwrap();
        });
        let error = client.unwrap_err();
        assert_eq!((error.code(), error.to_string()), ("SECURITY_NOT_TLS", expected.clone()));

        let (mut near, far) = pipe();
        let (server, _) = tokio::join!(acceptor.accept(far), async {
            near.write_all(bytes).await.unwrap();
            near.shutdown().await.unwrap();
        });
        let error = server.unwrap_err();
        assert_eq!((error.code(), error.to_string()), ("SECURITY_NOT_TLS", expected));
    }
}

#[tokio::test]
async fn peers_that_close_without_a_byte_do_not_speak_tls() {
    let (layer, acceptor) = ends();
    let (near, far) = pipe();
    drop(far);
    let error = layer.connect(near).await.unwrap_err();
    assert_eq!(error.code(), "SECURITY_NOT_TLS", "{error}");
    let (near, far) = pipe();
    drop(near);
    assert_eq!(acceptor.accept(far).await.unwrap_err().code(), "SECURITY_NOT_TLS");
}

#[tokio::test]
async fn peers_that_leave_in_the_middle_broke_the_handshake() {
    let (_, acceptor) = ends();
    let (mut near, far) = pipe();
    let (server, _) = tokio::join!(acceptor.accept(far), async {
        near.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        drop(near);
    });
    assert_eq!(server.unwrap_err().code(), "SECURITY_TLS_HANDSHAKE");
}

#[tokio::test]
async fn versions_below_1_2_are_refused() {
    let (_, acceptor) = ends();
    for minor in [1, 2] {
        // A whole ClientHello: version, 32 random bytes, no session, two suites, no compression.
        let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
        let (mut near, far) = pipe();
        near.write_all(&hello).await.unwrap();
        let (accepted, answer) = tokio::join!(acceptor.accept(far), async {
            let mut answer = [0; 7];
            near.read_exact(&mut answer).await.unwrap();
            drop(near);
            answer
        });
        assert_eq!(accepted.unwrap_err().code(), "SECURITY_TLS_HANDSHAKE");
        assert_eq!(answer[..6], [21, 3, 3, 0, 2, 2], "a fatal alert");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_panic_either_side(bytes in prop::collection::vec(any::<u8>(), 0..400), record: bool) {
        let mut bytes = bytes;
        if record {
            bytes.splice(0..0, [22, 3, 3, 0, bytes.len().min(255) as u8]);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (layer, acceptor) = ends();
            let (mut near, far) = pipe();
            near.write_all(&bytes).await.unwrap();
            near.shutdown().await.unwrap();
            drop(near);
            prop_assert!(acceptor.accept(far).await.is_err());
            let (near, mut far) = pipe();
            far.write_all(&bytes).await.unwrap();
            far.shutdown().await.unwrap();
            prop_assert!(layer.connect(near).await.is_err());
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_plugin_is_given_up_in_time() {
    let (layer, _) = ends();
    let (near, _far) = pipe();
    let start = Instant::now();
    let error = layer.connect(near).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_CONNECT_TIMEOUT");
    assert_eq!(error.to_string(), "no connection within 5s, in phase tls");
    assert_eq!(start.elapsed(), limits::CONNECTION_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_slow_host_is_dropped_in_time_and_delays_nobody() {
    let (host, plugin) = (identity(KeyType::P256), identity(KeyType::P256));
    let acceptor = acceptor(&plugin, host.certificate()).timeout(Duration::from_secs(3));
    let (mut near, far) = pipe();
    let slow = tokio::spawn({
        let acceptor = acceptor.clone();
        async move { (acceptor.accept(far).await.map(drop), Instant::now()) }
    });
    let start = Instant::now();
    let drip = tokio::spawn(async move {
        for byte in [22, 3, 1, 2, 0, 1, 0, 1, 0xfc] {
            if near.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        // The connection was closed on it.
        assert_eq!(near.read(&mut [0]).await.unwrap_or(0), 0);
    });

    let layer = layer(&host, plugin.certificate());
    let (near, far) = pipe();
    let (client, server) = tokio::join!(layer.connect(near), acceptor.accept(far));
    client.unwrap();
    server.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);

    let (slow, ended) = slow.await.unwrap();
    assert_eq!(slow.unwrap_err().to_string(), "TLS handshake failed: not complete within 3s");
    assert_eq!(ended - start, Duration::from_secs(3));
    drip.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_peer_that_stays_is_left_soon() {
    let (_, acceptor) = ends();
    let (mut near, far) = pipe();
    near.write_all(b"hello").await.unwrap();
    let start = Instant::now();
    assert_eq!(acceptor.accept(far).await.unwrap_err().code(), "SECURITY_NOT_TLS");
    assert!(start.elapsed() <= Duration::from_millis(500));
}

#[test]
fn explain_reaches_through_wrapped_errors() {
    #[derive(Debug)]
    struct Wrapped(IoError);
    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("transport error")
        }
    }
    impl std::error::Error for Wrapped {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    let alert = |alert| {
        let tls = IoError::new(ErrorKind::InvalidData, rustls::Error::AlertReceived(alert));
        Wrapped(IoError::other(Wrapped(IoError::other(tls))))
    };
    for (description, code) in [
        (rustls::AlertDescription::AccessDenied, "SECURITY_CLIENT_REFUSED"),
        (rustls::AlertDescription::CertificateRequired, "SECURITY_CLIENT_REFUSED"),
        (rustls::AlertDescription::BadCertificate, "SECURITY_CLIENT_REFUSED"),
        (rustls::AlertDescription::NoApplicationProtocol, "SECURITY_TLS_HANDSHAKE"),
        (rustls::AlertDescription::InternalError, "SECURITY_TLS_HANDSHAKE"),
    ] {
        assert_eq!(crate::explain(&alert(description)).unwrap().code(), code, "{description:?}");
    }
    assert!(crate::explain(&Wrapped(ErrorKind::BrokenPipe.into())).is_none());
}
