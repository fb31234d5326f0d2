//! Errors of the kind Security.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, process::Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rpcplugin::{
    Config, Tls,
    core::{Address, Error},
    tls::{
        AuthorityParams, CertAuthority, CertDirectory, CustomTls, Identity, IdentityParams, Roots,
        San, Usage,
    },
};
use rpcplugin_tests::{
    golden, golden_line,
    host::{evil_plugin, host, program, refusal, signal, test_plugin},
    leak::{LeakGuard, leak_free},
    running::Debugged,
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use crate::{SECURE, last_line, told, told_of};

/// What a host with automatic TLS tells of a plugin that does what the words say.
fn distrusted(name: &str, words: &[&str]) {
    told(name, async |guard| (host(guard), evil_plugin(guard, words)));
}

#[test]
fn plaintext_to_another_machine() {
    leak_free(async |guard| {
        let far = Address::Tcp(([192, 0, 2, 1], 9).into());
        let error = host(guard).tls(Tls::Plaintext).connect(far).await.unwrap_err();
        golden("SECURITY_TLS_REQUIRED.far", &error);
        let mut command = test_plugin(guard);
        command.arg("require-tls");
        let error = refusal(host(guard).tls(Tls::Plaintext), command).await;
        golden_line("SECURITY_TLS_REQUIRED.plugin", &last_line(&error));
    });
}

#[test]
fn an_environment_that_lowers_protection() {
    let builder = Config::builder().set("plugin_auto_mtls", "true");
    let error = builder.environment([("PLUGIN_INSECURE", "true")]).build().unwrap_err();
    golden("SECURITY_CONFIG_CONFLICT.variable", &error);
}

#[test]
fn certificates_that_do_not_fit_the_line() {
    distrusted("SECURITY_CERT_MISSING.line", &["stdout", r"1|1|tcp|127.0.0.1:1|grpc|\n", "hang"]);
    let line = format!(r"1|1|tcp|127.0.0.1:1|grpc|{}\n", "A".repeat(400));
    distrusted("SECURITY_CERT_INVALID.line", &["stdout", &line, "hang"]);
    told_of("SECURITY_CERT_UNEXPECTED.line", &["listen", "unix", "line", SECURE, "hang"]);
}

#[test]
fn a_plugin_that_cannot_read_its_hosts_certificate() {
    leak_free(async |guard| {
        let mut command = guard.command("sh");
        command.args(["-c", r#"PLUGIN_CLIENT_CERT=garbage; exec "$0""#]);
        command.arg(program("test-plugin"));
        let error = refusal(host(guard), command).await;
        golden_line("SECURITY_CLIENT_CERT_INVALID.garbage", &last_line(&error));
    });
}

#[test]
fn peers_that_are_not_who_they_say() {
    for (name, manner) in [
        ("SECURITY_PIN_MISMATCH.another", "other-tls"),
        ("SECURITY_BAD_SIGNATURE.copied", "copied-tls"),
        ("SECURITY_NOT_TLS.plaintext", r"bytes:HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("SECURITY_TLS_HANDSHAKE.alert", r"bytes:\x15\x03\x01\x00\x02\x02\x28"),
    ] {
        distrusted(name, &["listen", "unix", "serve", manner, "line", SECURE, "hang"]);
    }
}

fn authority(name: &str) -> CertAuthority {
    CertAuthority::create(&AuthorityParams::new(name)).unwrap()
}

/// A server that an operator started with this certificate.
async fn standalone(guard: &LeakGuard, identity: &Identity, operator: &CertAuthority) -> Server {
    fs::write(guard.scratch().join("identity.pem"), identity.to_secret_pem().expose()).unwrap();
    fs::write(guard.scratch().join("roots.pem"), operator.chain_pem()).unwrap();
    let mut command = test_plugin(guard);
    command.arg(format!("standalone={}", guard.scratch().display()));
    command.env("TMPDIR", guard.base()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    Server { child, address: Address::Tcp(line.trim().parse().unwrap()) }
}

struct Server {
    child: Child,
    address: Address,
}

impl Server {
    async fn stop(mut self) {
        signal(self.child.id().unwrap(), Signal::TERM);
        self.child.wait().await.unwrap();
    }
}

/// Why a host of `mine`, which trusts these roots, is not connected to a server with this
/// certificate, which trusts `operator`.
async fn unconnected(
    guard: &LeakGuard,
    server: &Identity,
    operator: &CertAuthority,
    (mine, roots): (&CertAuthority, Roots),
) -> Error {
    let server = standalone(guard, server, operator).await;
    let own = mine.issue(&IdentityParams::issued("a-host")).unwrap();
    let tls = Tls::Custom(CustomTls::new(own, roots).server_name("kv.internal"));
    let connected = host(guard).tls(tls).connect(server.address.clone()).await;
    server.stop().await;
    connected.unwrap_err()
}

#[test]
fn certificates_of_operators() {
    leak_free(async |guard| {
        let (operator, other) = (authority("operator"), authority("other"));
        let named = |name: &str| {
            let params = IdentityParams::issued("kv").names([San::Dns(name.into())]);
            operator.issue(&params).unwrap()
        };
        let (good, misnamed) = (named("kv.internal"), named("other.internal"));
        let error = unconnected(guard, &good, &operator, (&operator, other.roots().unwrap())).await;
        golden("SECURITY_CERT_UNTRUSTED.authority", &error);
        let roots = || operator.roots().unwrap();
        let error = unconnected(guard, &misnamed, &operator, (&operator, roots())).await;
        golden("SECURITY_CERT_UNTRUSTED.name", &error);
        let hosts = IdentityParams::issued("kv").names([San::Dns("kv.internal".into())]);
        let hosts = operator.issue(&hosts.usage(Usage::Client)).unwrap();
        let error = unconnected(guard, &hosts, &operator, (&operator, roots())).await;
        golden("SECURITY_CERT_UNTRUSTED.usage", &error);
        let error = unconnected(guard, &good, &operator, (&other, roots())).await;
        golden("SECURITY_CLIENT_REFUSED.authority", &error);
        let (expired, roots) = expired();
        let error = unconnected(guard, &expired, &operator, (&operator, roots)).await;
        golden("SECURITY_CERT_EXPIRED.years_ago", &error);
    });
}

/// A certificate that was good until 2020, and the root that it comes from.
fn expired() -> (Identity, Roots) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["kv.internal".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let leaf = pem("CERTIFICATE", params.signed_by(&key, &issuer).unwrap().der());
    let key = pem("PRIVATE KEY", &key.serialize_der());
    let identity = Identity::from_pem(leaf.as_bytes(), key.as_bytes()).unwrap();
    (identity, Roots::from_pem(root.as_bytes()).unwrap())
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

#[test]
fn a_new_certificate_that_is_none() {
    leak_free(async |guard| {
        let directory = CertDirectory::new(guard.scratch().join("pki")).unwrap();
        let root = authority("root");
        directory.save_authority(&root).unwrap();
        directory.save_server(&root.issue(&IdentityParams::issued("kv")).unwrap()).unwrap();
        let manager = directory.manage_server().start().await.unwrap();
        fs::write(directory.path().join("server.crt"), "no certificate").unwrap();
        let error = manager.renew().await.unwrap_err();
        golden("SECURITY_ROTATION_FAILED.garbage", &error.into());
    });
}

#[test]
fn an_address_of_another_machine() {
    told_of("SECURITY_ADDRESS_FORBIDDEN.far", &["stdout", r"1|1|tcp|192.0.2.1:80|grpc|\n", "hang"]);
}

#[test]
fn a_listener_that_is_somebody_elses() {
    leak_free(async |guard| {
        let victim = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = format!(r"1|1|tcp|{}|grpc|\n", victim.local_addr().unwrap());
        let plugin = evil_plugin(guard, ["stdout", &line, "hang"]);
        let error = refusal(host(guard).tls(Tls::Plaintext), plugin).await;
        golden("SECURITY_PEER_CREDENTIALS.victim", &error);
    });
}

#[test]
fn records_that_do_not_hold() {
    leak_free(async |guard| {
        let plugin = Debugged::start(guard).await;
        let plaintext = host(guard).tls(Tls::Plaintext);
        let mut record = plugin.record.clone();
        record.test = false;
        let error = host(guard).attach(record.clone()).await.unwrap_err();
        golden("SECURITY_REATTACH_NEEDS_TLS.no_certificate", &error);
        let mut stale = record.clone();
        stale.boot_id = Some("before the power cut".to_owned());
        let error = plaintext.clone().attach(stale).await.unwrap_err();
        golden("SECURITY_REATTACH_STALE.boot", &error);
        let mut bystander = guard.command("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
        record.pid = bystander.id().unwrap();
        (record.start_time, record.boot_id) = (None, None);
        let error = plaintext.attach(record).await.unwrap_err();
        golden("SECURITY_REATTACH_PID_MISMATCH.bystander", &error);
        bystander.kill().await.unwrap();
        plugin.stop().await;
    });
}

#[test]
fn another_executable() {
    told("SECURITY_CHECKSUM_MISMATCH.another", async |guard| {
        (host(guard).sha256(["0".repeat(64)]), test_plugin(guard))
    });
}

#[test]
fn an_executable_that_others_can_change() {
    told("SECURITY_FILE_PERMISSIONS.writable", async |guard| {
        let plugin = guard.scratch().join("plugin");
        fs::copy(program("test-plugin"), &plugin).unwrap();
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o777)).unwrap();
        (host(guard).trusted_paths_only(), guard.command(plugin))
    });
}

#[test]
fn a_user_that_there_is_not() {
    told("SECURITY_ISOLATION_FAILED.user", async |guard| {
        (host(guard).user("no-such-user"), test_plugin(guard))
    });
}
