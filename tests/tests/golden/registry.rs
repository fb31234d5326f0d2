//! That every code is among the snapshots, and every snapshot belongs to a test.

use std::{collections::BTreeSet, path::Path};

use rpcplugin::core::codes;

/// Codes that no test of this package can bring about, and why.
const UNSEEN: &[(&str, &str)] = &[
    ("TRANSPORT_DENIED", "no socket is closed to root, who runs these tests in many places"),
    ("SECURITY_TLS_NOT_BUILT", "these tests are built with TLS"),
    ("SECURITY_KEYGEN", "the system's random numbers do not fail on request"),
];

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
}

fn snapshots() -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory().join("snapshots")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".snap").map(str::to_owned)).collect()
}

fn code(snapshot: &str) -> &str {
    snapshot.split_once('.').map_or(snapshot, |(code, _)| code)
}

#[test]
fn every_code_has_a_snapshot_or_a_reason() {
    let snapshots = snapshots();
    let seen: BTreeSet<&str> = snapshots.iter().map(|name| code(name)).collect();
    for info in codes() {
        let excused = UNSEEN.iter().any(|(code, _)| *code == info.code);
        assert_ne!(seen.contains(info.code), excused, "bring {} about in golden/", info.code);
    }
    let known: BTreeSet<&str> = codes().map(|info| info.code).collect();
    assert!(seen.is_subset(&known) && UNSEEN.iter().all(|(code, _)| known.contains(code)));
}

#[test]
fn every_snapshot_is_that_of_a_test() {
    let entries = std::fs::read_dir(directory().join("golden")).unwrap();
    let tests: String =
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    for name in snapshots() {
        assert!(tests.contains(&format!("\"{name}\"")), "no test compares with {name}");
    }
}
