//! A plugin that is a host itself: F-ENV-1, F-ENV-2, F-ENV-6. What its own host gave it must not
//! become its configuration as a host, nor reach its plugin.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};

use rpcplugin::tls::{Identity, IdentityParams};
use rpcplugin_tests::{
    host::{gone, host, program, signal, test_plugin},
    leak::{LeakGuard, leak_free},
};
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// The variables that a process was started with.
fn environment(pid: u32) -> BTreeMap<String, String> {
    let text = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let text = String::from_utf8(text).unwrap();
    let entries = text.split('\0').filter_map(|entry| entry.split_once('='));
    entries.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The command of the middle, and where it reports.
fn middle(guard: &LeakGuard) -> (tokio::process::Command, std::path::PathBuf) {
    let report = guard.scratch().join("report");
    let mut command = test_plugin(guard);
    command.arg(format!("leaf={}", program("test-plugin").display()));
    command.arg(format!("report={}", report.display()));
    (command, report)
}

fn read(report: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap()
}

/// Asserts that the leaf has an environment of its own, whatever stands in the middle's.
fn is_its_own(middle: u32, leaf: &Value) {
    let leaf_pid = u32::try_from(leaf["pid"].as_u64().unwrap()).unwrap();
    let (theirs, own) = (environment(middle), environment(leaf_pid));
    assert_eq!(leaf["version"], 6);
    assert_eq!(own["PLUGIN_PROTOCOL_VERSIONS"], "6,7");
    assert_eq!(own["PLUGIN_MIN_PORT"], "10000");
    assert!(theirs.contains_key("PLUGIN_CLIENT_CERT"), "the middle's host has one");
    assert_ne!(own.get("PLUGIN_CLIENT_CERT"), theirs.get("PLUGIN_CLIENT_CERT"));
    assert!(own["PLUGIN_CLIENT_CERT"].starts_with("-----BEGIN CERTIFICATE-----"));
    assert_ne!(own.get("PLUGIN_UNIX_SOCKET_DIR"), theirs.get("PLUGIN_UNIX_SOCKET_DIR"));
    assert_eq!(theirs["PLUGIN_MULTIPLEX_GRPC"], "true");
    for name in ["PLUGIN_MULTIPLEX_GRPC", "PLUGIN_UNIX_SOCKET_GROUP", "PLUGIN_OF_THE_APPLICATION"] {
        assert!(!own.contains_key(name), "{name} leaked");
    }
    assert_eq!(own["OF_THE_USER"], "kept", "the rest is inherited");
}

#[test]
fn host_middle_and_leaf_share_nothing_of_the_handshake() {
    leak_free(async |guard| {
        let (mut command, report) = middle(guard);
        command.env("OF_THE_USER", "kept").env("PLUGIN_OF_THE_APPLICATION", "1");
        // The middle stops its own plugin before it ends.
        let patience = Duration::from_secs(30);
        let builder = host(guard).ports(0..=0).multiplex_grpc(true).grpc_grace_period(patience);
        let client = builder.spawn(command).await.unwrap();
        let leaf = read(&report);
        is_its_own(client.pid(), &leaf);
        let mut certificates = vec![
            client.host_certificate().unwrap().fingerprint().to_string(),
            client.peer_certificate().unwrap().fingerprint().to_string(),
            leaf["host_certificate"].as_str().unwrap().to_owned(),
            leaf["certificate"].as_str().unwrap().to_owned(),
        ];
        certificates.sort();
        certificates.dedup();
        assert_eq!(certificates.len(), 4, "each side of each connection has its own");
        let own = client.address().to_string();
        let directory = |address: &str| Path::new(address).parent().unwrap().to_owned();
        assert_ne!(directory(&own), directory(leaf["address"].as_str().unwrap()));
        let leaf_pid = u32::try_from(leaf["pid"].as_u64().unwrap()).unwrap();
        client.shutdown().await.unwrap();
        gone(leaf_pid).await;
    });
}

#[test]
fn under_a_host_that_passes_its_whole_environment_the_leaf_has_its_own_too() {
    leak_free(async |guard| {
        let (mut command, report) = middle(guard);
        // What such a host has of its own parent, and sets for its plugin.
        command.env("RPCPLUGIN_TESTS_COOKIE", "6d2f1c").env("TMPDIR", guard.base());
        command.env("OF_THE_USER", "kept").env("PLUGIN_OF_THE_APPLICATION", "1");
        command.env("PLUGIN_PROTOCOL_VERSIONS", "1").env("PLUGIN_UNIX_SOCKET_GROUP", "0");
        let certificate = Identity::generate(&IdentityParams::new()).unwrap().chain_pem();
        command.env("PLUGIN_CLIENT_CERT", certificate).env("PLUGIN_MULTIPLEX_GRPC", "true");
        command.env("PLUGIN_UNIX_SOCKET_DIR", guard.base()).env("PLUGIN_MIN_PORT", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).await.unwrap();
        // With a certificate of its own, and multiplexing as it was asked to.
        let fields: Vec<_> = line.trim_end().split('|').collect();
        assert_eq!((fields[..3].concat(), fields[6]), ("11unix".to_owned(), "true"), "{line}");
        assert!(fields[5].len() > 100, "{line}");
        let leaf = read(&report);
        is_its_own(process.id().unwrap(), &leaf);
        signal(process.id().unwrap(), Signal::TERM);
        process.wait().await.unwrap();
        let leaf_pid = u32::try_from(leaf["pid"].as_u64().unwrap()).unwrap();
        gone(leaf_pid).await;
    });
}
