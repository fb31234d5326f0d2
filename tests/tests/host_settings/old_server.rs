use std::{net::SocketAddr, sync::Arc};

use rpcplugin::{
    core::{Address, Error},
    tls::Identity,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A server that speaks TLS 1.2 and nothing newer.
pub(crate) struct OldServer {
    socket: SocketAddr,
    serving: JoinHandle<()>,
}

impl OldServer {
    pub(crate) async fn start(identity: &Identity) -> Self {
        let pem = identity.to_secret_pem();
        let pem = pem.expose().as_bytes();
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(pem).unwrap()],
                PrivateKeyDer::from_pem_slice(pem).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = listener.local_addr().unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whatever comes of it, nothing is answered.
                drop(acceptor.accept(stream).await);
            }
        });
        Self { socket, serving }
    }

    pub(crate) const fn socket(&self) -> SocketAddr {
        self.socket
    }

    pub(crate) const fn address(&self) -> Address {
        Address::Tcp(self.socket)
    }

    pub(crate) async fn stop(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

/// Whether this is what becomes of a connection to a server whose TLS is too old.
pub(crate) fn is_too_old(error: &Error) -> bool {
    let error = error.to_string();
    error.contains("rotocolVersion") || error.contains("protocol version")
}
