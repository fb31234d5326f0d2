//! Hosts that connect to a server of its own, with an operator's certificates.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{fs, net::SocketAddr, process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rpcplugin::{
    Client, Tls,
    client::ShutdownOutcome,
    core::{Address, Error},
    tls::{CustomTls, Identity, Roots},
};
use rpcplugin_proto::kv::{GetRequest, PutRequest};
use rpcplugin_tests::{
    host::{exists, host, kv, program, signal},
    leak::{LeakGuard, leak_free},
    stranger::{self, Papers},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

/// `PutRequest { key: "k", value: "v" }`.
const PUT: &[u8] = b"\x0a\x01k\x12\x01v";

/// Who issues certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A certificate for this name, with its key.
    fn issue(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let leaf = pem("CERTIFICATE", params.signed_by(&key, &self.issuer).unwrap().der());
        let key = pem("PRIVATE KEY", &key.serialize_der());
        Identity::from_pem(leaf.as_bytes(), key.as_bytes()).unwrap()
    }

    /// A host's side: with a certificate of this authority, trusting `root`.
    fn side(&self, root: &Self) -> CustomTls {
        let roots = Roots::from_pem(root.root.as_bytes()).unwrap();
        CustomTls::new(self.issue("a host"), roots).server_name("kv.internal")
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// A server that an operator started with certificates of `authority`.
struct Standalone {
    child: Child,
    address: Address,
}

impl Standalone {
    async fn start(guard: &LeakGuard, authority: &Authority) -> Self {
        let secret = authority.issue("kv.internal").to_secret_pem();
        let files = guard.scratch();
        fs::write(files.join("identity.pem"), secret.expose()).unwrap();
        fs::write(files.join("roots.pem"), &authority.root).unwrap();
        let mut command = guard.command(program("test-plugin"));
        command.arg(format!("standalone={}", files.display())).env("TMPDIR", guard.base());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).await.unwrap();
        for name in ["identity.pem", "roots.pem"] {
            fs::remove_file(files.join(name)).unwrap();
        }
        Self { child, address: Address::Tcp(line.trim().parse::<SocketAddr>().unwrap()) }
    }

    async fn connect(&self, guard: &LeakGuard, tls: Tls) -> Result<Client, Error> {
        host(guard).tls(tls).connect(self.address.clone()).await
    }

    /// Why a host with this is not served.
    async fn refusal(&self, guard: &LeakGuard, tls: Tls) -> &'static str {
        match self.connect(guard, tls).await {
            Ok(client) => panic!("connected: {client:?}"),
            Err(error) => error.code(),
        }
    }

    async fn stop(mut self) {
        signal(self.child.id().unwrap(), Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        assert!(ended.unwrap().unwrap().success());
    }
}

#[test]
fn hosts_with_the_operators_certificates_come_and_go() {
    leak_free(async |guard| {
        let operator = Authority::new();
        let server = Standalone::start(guard, &operator).await;
        for before in [None, Some(b"1")] {
            let client =
                server.connect(guard, Tls::Custom(operator.side(&operator))).await.unwrap();
            assert_eq!(client.tls_info().map(|info| info.version), Some("TLS 1.3"));
            let found = kv(&client).get(GetRequest { key: "k".into() }).await;
            assert_eq!(
                found.ok().map(|found| found.into_inner().value.to_vec()),
                before.map(Into::into)
            );
            kv(&client).put(PutRequest { key: "k".into(), value: b"1".to_vec() }).await.unwrap();
            assert_eq!(client.shutdown().await.unwrap().outcome, ShutdownOutcome::Left);
            assert!(exists(server.child.id().unwrap()));
        }
        server.stop().await;
    });
}

#[test]
fn nobody_else_is_served() {
    leak_free(async |guard| {
        let (operator, other) = (Authority::new(), Authority::new());
        let server = Standalone::start(guard, &operator).await;
        // Without a certificate: in TLS, without TLS, and before anything is sent.
        for papers in [Papers::None, Papers::Plaintext] {
            let call = stranger::call_at(&server.address, None, papers, "/proto.KV/Put", PUT);
            let answer = tokio::time::timeout(Duration::from_secs(10), call).await.unwrap();
            assert!(answer.is_err(), "{papers:?}: {answer:?}");
        }
        // The server's alert, or just the end, if it has closed before that was read.
        let plaintext = server.refusal(guard, Tls::Plaintext).await;
        let expected = ["PROTOCOL_PEER_NOT_GRPC", "TRANSPORT_DISCONNECTED"];
        assert!(expected.contains(&plaintext), "{plaintext}");
        assert_eq!(server.refusal(guard, Tls::Auto).await, "SECURITY_TLS_REQUIRED");
        // With one of another authority, and one to which the server is nobody.
        let theirs = Tls::Custom(other.side(&operator));
        assert_eq!(server.refusal(guard, theirs).await, "SECURITY_CLIENT_REFUSED");
        let distrustful = Tls::Custom(operator.side(&other));
        assert_eq!(server.refusal(guard, distrustful).await, "SECURITY_CERT_UNTRUSTED");
        let misled = Tls::Custom(operator.side(&operator).server_name("other.internal"));
        assert_eq!(server.refusal(guard, misled).await, "SECURITY_CERT_UNTRUSTED");

        // No call of theirs came to a handler, and the server serves on.
        let client = server.connect(guard, Tls::Custom(operator.side(&operator))).await.unwrap();
        let status = kv(&client).get(GetRequest { key: "k".into() }).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::NotFound);
        client.shutdown().await.unwrap();
        server.stop().await;
    });
}
