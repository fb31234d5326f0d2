//! Starts the key-value plugin and shows what happens:
//! `demo PLUGIN [--json] [--tcp] [--plaintext] [--config FILE]`. `cargo xtask demo` builds and runs it.

use std::{path::Path, time::Instant};

use miette::{IntoDiagnostic as _, bail, miette};
use rpcplugin::{
    Client, Config, Tls,
    core::{Address, Network},
    tls::{CertDirectory, CertInfo},
};
use rpcplugin_examples::{COOKIE, Facts};
use rpcplugin_proto::kv::{GetRequest, ListRequest, PutRequest, kv_client::KvClient};
use tokio::process::Command;

/// Entries to stream: enough to see that a stream is not one message.
const ENTRIES: usize = 1000;

#[tokio::main]
async fn main() -> miette::Result<()> {
    let mut program = None;
    let (mut json, mut plaintext, mut network, mut config) = (false, false, None, None);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--json") => json = true,
            Some("--plaintext") => plaintext = true,
            Some("--config") => config = arguments.next(),
            Some("--tcp") => network = Some(Network::Tcp),
            _ => program = Some(argument),
        }
    }
    let program = program.ok_or_else(|| {
        miette!("usage: demo PLUGIN [--json] [--tcp] [--plaintext] [--config FILE]")
    })?;
    let mut command = Command::new(&program);

    let mut facts = Facts::default();
    facts.add("plugin", "program", program.display().to_string());
    let mut builder = Client::builder(COOKIE);
    if plaintext {
        builder = builder.tls(Tls::Plaintext);
    }
    let mut directory = None;
    if let Some(file) = &config {
        let settings = Config::builder().file(file).environment(std::env::vars_os()).build()?;
        directory = settings.mtls_cert_dir().map(CertDirectory::new).transpose()?;
        builder = builder.config(settings);
        // The plugin reads the same file; only what the host gives it is in its environment.
        command.env("PLUGIN_CONFIG_FILE", file);
    }
    if let Some(network) = network {
        builder = builder.transports([network]);
    }
    let plugin = builder.spawn(command).await?;
    describe(&plugin, &mut facts);
    if let Some(directory) = &directory {
        whose(directory, &mut facts)?;
    }
    call(&plugin, &mut facts).await?;

    let (pid, address, times) = (plugin.pid(), plugin.address().clone(), plugin.timings());
    let stopped = plugin.shutdown().await?;
    facts.add("shutdown", "outcome", stopped.outcome.to_string());
    facts.add("shutdown", "status", stopped.status.map(|status| status.to_string()));
    facts.add("shutdown", "left_behind", left_behind(pid, &address));
    for (key, time) in [
        ("spawn_ms", times.spawn),
        ("handshake_ms", times.handshake),
        ("connect_ms", times.connect),
        ("tls_ms", times.tls),
        ("first_answer_ms", times.ready),
        ("whole_start_ms", times.total()),
        ("shutdown_ms", stopped.took),
    ] {
        facts.time("times", key, time);
    }
    facts.print(json);
    Ok(())
}

/// Whom the certificates in a directory name, and who issued them.
fn whose(directory: &CertDirectory, facts: &mut Facts) -> miette::Result<()> {
    facts.add("tls", "certificates_in", directory.path().display().to_string());
    for (key, identity) in [("host_is", directory.host()?), ("plugin_is", directory.server()?)] {
        let info = CertInfo::of(identity.certificate());
        facts.add("tls", key, format!("{}, issued by {}", info.subject, info.issuer));
    }
    Ok(())
}

/// What the start agreed on.
fn describe(plugin: &Client, facts: &mut Facts) {
    facts.add("plugin", "pid", plugin.pid());
    facts.add("handshake", "protocol_version", plugin.version());
    facts.add("handshake", "transport", plugin.address().network().as_str());
    facts.add("handshake", "address", plugin.address().to_string());
    match plugin.tls_info() {
        Some(info) => {
            facts.add("tls", "version", info.version);
            facts.add("tls", "cipher_suite", info.cipher_suite);
        }
        None => facts.add("tls", "version", "none: plaintext was asked for"),
    }
    for (key, certificate) in [
        ("host_certificate", plugin.host_certificate()),
        ("plugin_certificate", plugin.peer_certificate()),
    ] {
        if let Some(certificate) = certificate {
            facts.add("tls", key, format!("sha256 {}", certificate.fingerprint()));
        }
    }
}

/// Unary calls, and a stream.
async fn call(plugin: &Client, facts: &mut Facts) -> miette::Result<()> {
    let mut kv = plugin.dispense(KvClient::new);
    let start = Instant::now();
    let request = PutRequest { key: "greeting".into(), value: b"hello".to_vec() };
    kv.put(request).await.into_diagnostic()?;
    facts.add("calls", "put_request", "greeting = hello");
    facts.time("calls", "put_ms", start.elapsed());

    let start = Instant::now();
    let reply = kv.get(GetRequest { key: "greeting".into() }).await.into_diagnostic()?.into_inner();
    facts.time("calls", "get_ms", start.elapsed());
    facts.add("calls", "get_reply", String::from_utf8_lossy(&reply.value).into_owned());

    for n in 0..ENTRIES {
        let request = PutRequest { key: format!("entry {n:04}"), value: vec![b'x'; 64] };
        kv.put(request).await.into_diagnostic()?;
    }
    let start = Instant::now();
    let request = ListRequest { prefix: "entry".into() };
    let mut entries = kv.list(request).await.into_diagnostic()?.into_inner();
    let mut streamed = 0;
    while entries.message().await.into_diagnostic()?.is_some() {
        streamed += 1;
    }
    if streamed != ENTRIES {
        bail!("stored {ENTRIES} entries, and {streamed} came back");
    }
    facts.add("calls", "streamed_messages", streamed);
    facts.time("calls", "stream_ms", start.elapsed());
    facts.time("calls", "ping_ms", plugin.ping().await?);
    Ok(())
}

/// What can be seen of the plugin after its end.
fn left_behind(pid: u32, address: &Address) -> String {
    let process = Path::new("/proc").join(pid.to_string()).exists();
    let sockets = match address {
        Address::Unix(path) => path.parent().is_some_and(Path::exists),
        _ => false,
    };
    match (process, sockets) {
        (false, false) => "nothing".into(),
        _ => format!("process: {process}, socket directory: {sockets}"),
    }
}
