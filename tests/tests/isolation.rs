//! What a plugin gets of its host: F-ISO-4, 5 and 7, `docs/faults.md` G12 and N8.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{collections::BTreeMap, path::Path, process::Stdio};

use rpcplugin::{
    Client, Tls,
    client::{Builder, Stdin},
};
use rpcplugin_tests::{
    host::{host, probe, program, test_plugin},
    leak::{LeakGuard, leak_free},
};
use tokio::io::{AsyncBufReadExt as _, BufReader};

async fn environment(client: &Client) -> BTreeMap<String, String> {
    let json = probe(client).environment(()).await.unwrap().into_inner();
    serde_json::from_str(&json).unwrap()
}

async fn descriptors(client: &Client) -> Vec<String> {
    let json = probe(client).descriptors(()).await.unwrap().into_inner();
    serde_json::from_str(&json).unwrap()
}

/// The names that a plugin finds in its environment when its host has these.
async fn names(guard: &LeakGuard, builder: Builder, host: &[(&str, &str)]) -> Vec<String> {
    let builder = builder.environment(host.iter().copied());
    let mut command = test_plugin(guard);
    command.env("OWN", "1");
    let client = builder.spawn(command).await.unwrap();
    let names = environment(&client).await.into_keys().collect();
    client.shutdown().await.unwrap();
    names
}

const HOST: [(&str, &str); 14] = [
    ("PATH", "/usr/bin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("RUST_BACKTRACE", "0"),
    ("RUST_LIB_BACKTRACE", "0"),
    ("TZ", "UTC"),
    ("USER", "root"),
    ("SECRET", "s"),
    ("LD_PRELOAD", "/nonexistent.so"),
    ("BASH_ENV", "/nonexistent"),
    ("PLUGIN_CLIENT_CERT", "of my parent"),
    ("PLUGIN_LOG_LEVEL", "trace"),
    ("RPCPLUGIN_LIFELINE", "stdin"),
];

#[test]
fn the_environment_is_an_allow_list_and_the_callers_own() {
    leak_free(async |guard| {
        let names = names(guard, host(guard), &HOST).await;
        let expected = [
            "HOME",
            "LANG",
            "LC_ALL",
            "LEAK_GUARD_CASE",
            "OWN",
            "PATH",
            "RUST_BACKTRACE",
            "RUST_LIB_BACKTRACE",
            "TMPDIR",
            "TZ",
            "USER",
        ];
        assert_eq!(names, expected);
    });
}

#[test]
fn inherited_environments_lack_what_is_dangerous_or_not_the_plugins() {
    leak_free(async |guard| {
        let names = names(guard, host(guard).inherit_env(true), &HOST).await;
        assert!(names.iter().any(|name| name == "SECRET"), "{names:?}");
        for absent in ["LD_PRELOAD", "BASH_ENV", "PLUGIN_LOG_LEVEL", "RPCPLUGIN_LIFELINE"] {
            assert!(!names.iter().any(|name| name == absent), "{absent} in {names:?}");
        }
    });
}

#[test]
fn variables_may_be_allowed_by_name() {
    leak_free(async |guard| {
        let names = names(guard, host(guard).env_allow(["SEC*"]), &HOST).await;
        assert!(names.iter().any(|name| name == "SECRET"), "{names:?}");
    });
}

#[test]
fn a_plugin_scrubs_the_variables_of_the_handshake() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let environment = environment(&client).await;
        let left = environment
            .keys()
            .find(|name| name.starts_with("PLUGIN_") || name.starts_with("RPCPLUGIN_"));
        assert_eq!(left, None);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn no_key_is_in_any_environment_or_argument() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        for file in ["environ", "cmdline"] {
            let bytes = std::fs::read(format!("/proc/{}/{file}", client.pid())).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("PRIVATE KEY"), "{file}");
            // The certificate is there, so this is where a key would have been.
            assert!(file != "environ" || text.contains("BEGIN CERTIFICATE"), "{file}");
        }
        client.shutdown().await.unwrap();
    });
}

#[test]
fn values_that_are_no_text_pass_unchanged() {
    leak_free(async |guard| {
        use std::os::unix::ffi::OsStrExt as _;
        let mut command = test_plugin(guard);
        command.env("BYTES", std::ffi::OsStr::from_bytes(b"\xff\n|x"));
        let client = host(guard).spawn(command).await.unwrap();
        let bytes = std::fs::read(format!("/proc/{}/environ", client.pid())).unwrap();
        let entry: &[u8] = b"BYTES=\xff\n|x";
        assert!(bytes.split(|byte| *byte == 0).any(|found| found == entry));
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_plugin_gets_the_three_standard_descriptors_and_no_other() {
    leak_free(async |guard| {
        // Of all kinds, and one that a careless program made inheritable.
        let file = std::fs::File::open("/dev/zero").unwrap();
        let careless = rustix::io::dup(&file).unwrap();
        let socket = std::os::unix::net::UnixStream::pair().unwrap();
        // What it has as a process, and before anything of ours runs in it.
        let mut command = guard.command("sh");
        let list = guard.scratch().join("list");
        let script = r#"ls -l /proc/$$/fd > "$1"; exec "$0""#;
        command.args(["-c", script]).arg(program("test-plugin")).arg(&list);
        let client = host(guard).spawn(command).await.unwrap();
        let list = std::fs::read_to_string(list).unwrap();
        let mut numbers: Vec<&str> = list
            .lines()
            .filter_map(|line| line.split_once(" -> ")?.0.split(' ').next_back())
            .collect();
        numbers.retain(|number| number.parse::<u32>().is_ok_and(|number| number < 10));
        // The shell's own redirection is 1, and what it saved lies at 10 and above.
        assert_eq!(numbers, ["0", "1", "2"], "{list}");
        assert!(!list.contains("/dev/zero"), "{list}");
        // And what it holds as a server: nothing that is the host's.
        let held = descriptors(&client).await;
        assert!(!held.iter().any(|line| line.ends_with("/dev/zero")), "{held:?}");
        drop((careless, socket));
        client.shutdown().await.unwrap();
    });
}

#[test]
fn plugins_do_not_hold_each_others_lifelines() {
    leak_free(async |guard| {
        let first = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let second = host(guard).spawn(test_plugin(guard)).await.unwrap();
        // Where its number is does not matter: the lifeline is one of the first's pipes.
        let mine = descriptors(&first).await;
        let pipes: Vec<_> = mine.iter().filter_map(|line| line.split_once(" -> pipe:")).collect();
        assert!(pipes.len() >= 3, "{mine:?}");
        let theirs = descriptors(&second).await;
        for (_, pipe) in pipes {
            assert!(!theirs.iter().any(|line| line.ends_with(pipe)), "{pipe} in {theirs:?}");
        }
        first.shutdown().await.unwrap();
        second.shutdown().await.unwrap();
    });
}

#[test]
fn g12_stdin_is_the_lifeline_or_what_was_asked_for() {
    leak_free(async |guard| {
        for (stdin, kind) in [(Stdin::Lifeline, "pipe:"), (Stdin::Null, "/dev/null")] {
            // Before the plugin takes it away from its own code.
            let mut command = guard.command("sh");
            let found = guard.scratch().join("stdin");
            let script = r#"readlink /proc/self/fd/0 > "$1"; exec "$0""#;
            command.args(["-c", script]).arg(program("test-plugin")).arg(&found);
            let client = host(guard).stdin(stdin).spawn(command).await.unwrap();
            let target = std::fs::read_to_string(found).unwrap();
            assert!(target.starts_with(kind), "{target:?}");
            client.ping().await.unwrap();
            client.shutdown().await.unwrap();
        }
    });
}

#[test]
fn n8_a_plugin_starts_with_the_default_signals() {
    leak_free(async |guard| {
        let status = guard.scratch().join("status");
        let mut command = guard.command("sh");
        // Not the shell's own: it blocks signals while it starts another program.
        let script = r#"cat /proc/self/status > "$1"; exec "$0""#;
        command.args(["-c", script]).arg(program("test-plugin")).arg(&status);
        let client = host(guard).spawn(command).await.unwrap();
        let status = std::fs::read_to_string(status).unwrap();
        for name in ["SigBlk:", "SigIgn:"] {
            let mask = status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
            // Rust programs ignore SIGPIPE, so this host has something to pass on.
            assert_eq!(mask, "0000000000000000", "{name}");
        }
        client.shutdown().await.unwrap();
    });
}

#[test]
fn the_private_directory_and_its_socket_are_for_the_owner_alone() {
    leak_free(async |guard| {
        use std::os::unix::fs::PermissionsExt as _;
        for tls in [Tls::Auto, Tls::Plaintext] {
            let client = host(guard).tls(tls).spawn(test_plugin(guard)).await.unwrap();
            let rpcplugin::core::Address::Unix(socket) = client.address() else { panic!("unix") };
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode(socket), 0o600);
            let directory = socket.parent().unwrap();
            assert_eq!(mode(directory), 0o700);
            assert_eq!(directory.parent().unwrap(), guard.base());
            client.shutdown().await.unwrap();
        }
    });
}

#[test]
fn c11_no_umask_makes_them_more_or_less_open() {
    leak_free(async |guard| {
        use std::os::unix::fs::PermissionsExt as _;
        for umask in ["000", "077"] {
            let mut host = guard.command("sh");
            let script = format!(r#"umask {umask}; exec "$0" -- "$1""#);
            host.args(["-c", &script]).arg(program("test-host")).arg(program("test-plugin"));
            host.env("TMPDIR", guard.base()).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut host = host.kill_on_drop(true).spawn().unwrap();
            let mut line = String::new();
            let mut lines = BufReader::new(host.stdout.take().unwrap());
            lines.read_line(&mut line).await.unwrap();
            let socket = line.trim_end().split_once('/').unwrap().1;
            let socket = Path::new("/").join(socket);
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode(&socket), 0o600, "{line}");
            assert_eq!(mode(socket.parent().unwrap()), 0o700, "{line}");
            drop(host.stdin.take());
            assert!(host.wait().await.unwrap().success());
        }
    });
}
