//! The two versions of the example, each with a host that knows it.

use std::process::{Command, Output};

/// Runs the host with the plugin, of which `words` says how old it is.
fn run(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_versions-host"))
        .arg(env!("CARGO_BIN_EXE_versions-plugin"))
        .args(words)
        .output()
        .expect("cargo built it")
}

#[test]
fn the_host_works_with_plugins_of_both_versions() {
    for (words, said) in
        [(&[][..], "version 2: greeting = HELLO"), (&["1"], "version 1: greeting = hello")]
    {
        let output = run(words);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && stdout.trim() == said, "{output:?}");
    }
}
