//! The settings that choose the protection, and those of side channels.

use std::{fs, net::SocketAddr, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rpcplugin::{
    Client, Tls,
    config::{Setting, Setting::*},
    core::{Address, Error},
    tls::CertInfo,
};
use rpcplugin_tests::{
    host::{evil_plugin, host, probe, program, refusal, test_plugin},
    leak::{LeakGuard, leak_free},
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
};

use crate::ways::{Set, in_every_way};

/// Those that have a case here.
pub(crate) const CASES: &[Setting] = &[
    AutoMtls,
    Insecure,
    TlsMinVersion,
    HostCert,
    HostKey,
    ServerRootCerts,
    CaCert,
    MtlsCertDir,
    CertKeyType,
    BrokerMaxPending,
];

#[test]
fn insecure_chooses_plaintext_and_lowers_nothing() {
    // The environment may take the program's plaintext back, and not choose it for the program.
    in_every_way(Insecure, "true", async |set| {
        let client = set.host("true").spawn(test_plugin(set.guard)).await.unwrap();
        assert_eq!(client.tls(), Tls::Plaintext, "{:?}", set.way);
        client.kill().await;
    });
    leak_free(async |guard| {
        let insecure = [("PLUGIN_INSECURE", "true")];
        let builder = host(guard).tls(Tls::Auto).environment(insecure);
        let error = refusal(builder, test_plugin(guard)).await;
        assert_eq!(error.code(), "SECURITY_CONFIG_CONFLICT");
        let builder = host(guard).tls(Tls::Plaintext).environment([("PLUGIN_INSECURE", "false")]);
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        assert_eq!(client.tls(), Tls::Auto);
        client.kill().await;
    });
}

#[test]
fn auto_mtls_off_takes_certificates() {
    in_every_way(AutoMtls, "false", async |set| {
        let error = set.try_config("false", &[]).unwrap_err();
        assert_eq!(error.code(), "SECURITY_TLS_REQUIRED", "{:?}", set.way);
    });
    leak_free(async |guard| {
        let builder = host(guard).environment([("PLUGIN_AUTO_MTLS", "false")]);
        let error = refusal(builder, evil_plugin(guard, ["hang"])).await;
        assert_eq!(error.code(), "SECURITY_TLS_REQUIRED");
    });
}

#[test]
fn cert_key_type_is_that_of_the_hosts_certificate() {
    in_every_way(CertKeyType, "p256", async |set| {
        let client = set.host("p384").spawn(test_plugin(set.guard)).await.unwrap();
        let certificate = client.host_certificate().unwrap();
        assert_eq!(CertInfo::of(certificate).key_type, "P-384", "{:?}", set.way);
        client.kill().await;
    });
}

#[test]
fn broker_max_pending_bounds_offers_that_wait() {
    in_every_way(BrokerMaxPending, "1000", async |set| {
        let host = set.host_with("1", &[(BrokerTimeout, "0.5")]);
        let client = host.spawn(test_plugin(set.guard)).await.unwrap();
        let mut probe = probe(&client);
        let mut offered = Vec::new();
        for _ in 0..3 {
            offered.push(probe.serve(()).await.unwrap().into_inner());
        }
        // Offers come in order: with the last one, the two before it have come.
        let mut refused = 0;
        for id in offered.into_iter().rev() {
            refused += usize::from(client.broker().dial(id).await.is_err());
        }
        assert!(refused > 0, "{:?}: all were kept", set.way);
        client.kill().await;
    });
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// What an operator made, in files: authorities, and certificates of host and plugin.
struct Files {
    directory: PathBuf,
}

impl Files {
    fn new(guard: &LeakGuard) -> Self {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

        let directory = guard.scratch().join("certificates");
        if directory.exists() {
            return Self { directory };
        }
        fs::DirBuilder::new().mode(0o700).create(&directory).unwrap();
        let write = |name: &str, text: &str| {
            let mut options = fs::OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(directory.join(name))
                .unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        };
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        write("ca.crt", &pem("CERTIFICATE", params.self_signed(&key).unwrap().der()));
        let issuer = Issuer::new(params, key);
        for (name, subject) in [("host", "a host"), ("server", "localhost")] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new([subject.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            write(&format!("{name}.crt"), &pem("CERTIFICATE", certificate.der()));
            write(&format!("{name}.key"), &pem("PRIVATE KEY", &key.serialize_der()));
        }
        write("roots.pem", &fs::read_to_string(directory.join("ca.crt")).unwrap());
        let server = ["server.crt", "server.key"]
            .map(|name| fs::read_to_string(directory.join(name)).unwrap());
        write("identity.pem", &server.concat());
        Self { directory }
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    fn fingerprint(&self) -> String {
        CertInfo::from_pem(&fs::read(self.path("host.crt")).unwrap())
            .unwrap()
            .fingerprint
            .to_string()
    }
}

/// Connects to a plugin that serves with the operator's certificates.
async fn connect(set: &Set<'_>, value: &str, others: &[(Setting, &str)]) -> Result<Client, Error> {
    let files = Files::new(set.guard);
    let mut command = set.guard.command(program("test-plugin"));
    command
        .arg(format!("standalone={}", files.directory.display()))
        .env("TMPDIR", set.guard.base());
    command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let address = Address::Tcp(line.trim().parse::<SocketAddr>().unwrap());
    let connected = set.host_with(value, others).connect(address).await;
    if let Ok(client) = &connected {
        probe(client).echo(vec![1]).await.unwrap();
        client.kill().await;
    }
    child.kill().await.unwrap();
    connected
}

/// Asserts that a setting and its companions make this host one of the operator's.
fn proves(setting: Setting, file: &'static str, others: &'static [(Setting, &'static str)]) {
    in_every_way(setting, "/nonexistent", async |set| {
        let files = Files::new(set.guard);
        let others: Vec<_> = others.iter().map(|(one, file)| (*one, files.path(file))).collect();
        let others: Vec<_> = others.iter().map(|(one, path)| (*one, path.as_str())).collect();
        let client = connect(&set, &files.path(file), &others).await.unwrap();
        assert!(matches!(client.tls(), Tls::Custom(_)), "{:?}", set.way);
        let own = CertInfo::of(client.host_certificate().unwrap());
        assert_eq!(own.fingerprint.to_string(), files.fingerprint(), "{:?}", set.way);
    });
}

#[test]
fn host_cert_is_shown() {
    proves(HostCert, "host.crt", &[(HostKey, "host.key"), (ServerRootCerts, "ca.crt")]);
}

#[test]
fn host_key_proves_the_certificate() {
    proves(HostKey, "host.key", &[(HostCert, "host.crt"), (ServerRootCerts, "ca.crt")]);
}

#[test]
fn server_root_certs_are_trusted() {
    proves(ServerRootCerts, "ca.crt", &[(HostCert, "host.crt"), (HostKey, "host.key")]);
}

#[test]
fn ca_cert_is_trusted_where_there_are_no_other_roots() {
    proves(CaCert, "ca.crt", &[(HostCert, "host.crt"), (HostKey, "host.key")]);
}

#[test]
fn mtls_cert_dir_holds_all_of_it() {
    proves(MtlsCertDir, "", &[]);
}

/// A server that speaks TLS 1.2 alone, with the operator's certificate.
async fn old_server(files: &Files) -> (Address, tokio::task::JoinHandle<()>) {
    let read = |name: &str| fs::read_to_string(files.path(name)).unwrap();
    let der = |name: &str| {
        let text: String = read(name).lines().filter(|line| !line.starts_with("--")).collect();
        STANDARD.decode(text).unwrap()
    };
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![der("server.crt").into()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der("server.key"))),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap());
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whatever comes of it, nothing is answered.
            drop(acceptor.accept(stream).await);
        }
    });
    (address, serving)
}

#[test]
fn tls_min_version_shuts_older_servers_out() {
    in_every_way(TlsMinVersion, "1.2", async |set| {
        let files = Files::new(set.guard);
        let (address, serving) = old_server(&files).await;
        let paths = ["host.crt", "host.key", "ca.crt"].map(|name| files.path(name));
        let others = [(HostCert, &*paths[0]), (HostKey, &*paths[1]), (ServerRootCerts, &*paths[2])];
        let code = async |value: &str| {
            let connecting = set.host_with(value, &others).connect(address.clone());
            let end = tokio::time::timeout(Duration::from_secs(20), connecting).await;
            end.unwrap().unwrap_err().to_string()
        };
        let refused = code("1.3").await;
        assert!(
            refused.contains("rotocolVersion") || refused.contains("protocol version"),
            "{refused}"
        );
        serving.abort();
        let _ = serving.await;
    });
}
