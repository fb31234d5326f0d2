//! The pair `attach` as it stands: two programs, of which the test starts the plugin.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

const PLUGIN: &str = env!("CARGO_BIN_EXE_attach-plugin");

/// A plugin in test mode, which no host ends.
struct Plugin(Child);

impl Plugin {
    /// Starts it, and takes what it says to its host.
    fn start(sockets: &tempfile::TempDir) -> (Self, String) {
        let mut command = Command::new(PLUGIN);
        command.arg("debug").env("TMPDIR", sockets.path()).stdout(Stdio::piped());
        let mut plugin = Self(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(plugin.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (plugin, line)
    }

    /// As Ctrl-C does.
    fn stop(mut self) {
        let interrupt = format!("kill -INT {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a host says, and whether it is content.
fn host(variable: Option<&str>) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attach-host"));
    match variable {
        Some(line) => command.env("KV_REATTACH", line),
        None => command.env_remove("KV_REATTACH").arg(PLUGIN),
    };
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.success())
}

#[test]
fn hosts_come_and_go_and_the_plugin_that_was_started_by_hand_stays() {
    let sockets = tempfile::tempdir().unwrap();
    let (plugin, line) = Plugin::start(&sockets);
    for starts in 1..=3 {
        let (said, content) = host(Some(&line));
        assert!(content && said.starts_with(&format!("starts = {starts}\nleft after")), "{said}");
    }
    plugin.stop();
    assert_eq!(sockets.path().read_dir().unwrap().count(), 0, "it has cleaned up");
    let (said, content) = host(Some(&line));
    assert!(!content && said.contains("SECURITY_REATTACH_STALE"), "{said}");
}

#[test]
fn without_the_variable_each_host_starts_its_own() {
    for _ in 0..2 {
        let (said, content) = host(None);
        assert!(content && said.starts_with("starts = 1\ngraceful after"), "{said}");
    }
}
