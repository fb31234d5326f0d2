//! A plugin in a real container, with side channels. `cargo xtask ci` fetches a runtime; where there
//! is none, or it may not run a container, the test says so.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command as Program, Stdio},
    time::Duration,
};

use rpcplugin::{
    Client, Tls,
    client::{Builder, ShutdownOutcome},
    core::Address,
};
use rpcplugin_examples::OciRunner;
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_tests::{
    Mirror,
    host::{host, probe, program},
    leak::{LeakGuard, leak_free},
    not_tested,
};
use serde_json::json;
use tokio::process::Command;

type Environment = Vec<(OsString, OsString)>;

/// `RPCPLUGIN_OCI_RUNTIME`, which must be there then, or what was unpacked into `target/oci`; with
/// the libraries beside it.
fn runtime() -> Option<(PathBuf, Environment)> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/oci/root");
    let runtime = match std::env::var_os("RPCPLUGIN_OCI_RUNTIME") {
        Some(given) => {
            let given = PathBuf::from(given);
            assert!(given.exists(), "RPCPLUGIN_OCI_RUNTIME is {}", given.display());
            given
        }
        None => Some(unpacked.join("usr/sbin/runc")).filter(|runtime| runtime.exists())?,
    };
    // Debian's folder of libraries has the name of the architecture.
    let folders = fs::read_dir(unpacked.join("usr/lib")).into_iter().flatten();
    let folders = folders.filter_map(|folder| Some(folder.ok()?.path()));
    let libraries = std::env::join_paths(folders).unwrap();
    let environment = vec![
        ("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ("LD_LIBRARY_PATH".into(), libraries),
    ];
    Some((runtime, environment))
}

/// A root with the plugin and the libraries that it is linked with.
fn root(at: &Path) {
    for directory in ["proc", "dev", "rpcplugin"] {
        fs::create_dir(at.join(directory)).unwrap();
    }
    add(&program("test-plugin"), at);
}

fn add(plugin: &Path, at: &Path) {
    fs::copy(plugin, at.join(plugin.file_name().unwrap())).unwrap();
    let listed = Program::new("ldd").arg(plugin).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for library in listed.split_ascii_whitespace().filter(|word| word.starts_with('/')) {
        let inside = at.join(library.trim_start_matches('/'));
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(library, inside).unwrap();
    }
}

/// Why this machine does not let the runtime run a container: what it says of one in the same root
/// that is there only to end.
async fn forbidden(runtime: &Path, environment: &Environment, root: &Path) -> Option<String> {
    let bundle = tempfile::tempdir().unwrap();
    let namespaces = ["pid", "mount", "ipc", "uts", "network"].map(|kind| json!({ "type": kind }));
    let config = json!({
        "ociVersion": "1.0.0",
        "process": {
            "args": ["/test-plugin"], "cwd": "/", "user": { "uid": 0, "gid": 0 },
            "noNewPrivileges": true
        },
        "root": { "path": root, "readonly": true },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" },
            {
                "destination": "/rpcplugin", "type": "bind", "source": bundle.path(),
                "options": ["bind", "rw"]
            }
        ],
        "linux": { "namespaces": namespaces }
    });
    fs::write(bundle.path().join("config.json"), config.to_string()).unwrap();
    let name = bundle.path().file_name().unwrap();
    let call = |words: &[&str]| {
        let mut call = Command::new(runtime);
        call.envs(environment.iter().cloned()).stdin(Stdio::null()).kill_on_drop(true);
        call.arg("--root").arg(bundle.path().join("state")).args(words);
        call
    };
    let mut run = call(&["run", "--bundle"]);
    run.arg(bundle.path()).arg(name);
    let run = tokio::time::timeout(Duration::from_secs(20), run.output()).await;
    // Also when it ended by itself: then there is nothing to delete.
    let _ = call(&["delete", "--force"]).arg(name).output().await;
    match run {
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            // The plugin's own words: it was not started by a host.
            let ran = said.contains("HANDSHAKE_NOT_LAUNCHED");
            (!ran).then(|| format!("{}: {said}", output.status))
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("a container does not end within 20 s".to_owned()),
    }
}

/// The test's plugin, at its path in the container.
fn plugin(guard: &LeakGuard) -> Command {
    guard.command("/test-plugin")
}

/// The host calls the plugin, each serves a side channel for the other, and the plugin ends.
async fn calls_both_ways(guard: &LeakGuard, builder: &Builder) {
    let client = builder.clone().spawn(plugin(guard)).await.unwrap();
    let seen = client.address().to_string();
    assert!(seen.starts_with(guard.base().to_str().unwrap()), "{seen} is not translated");
    let name = name(&client);
    let mut probe = probe(&client);
    assert_eq!(probe.echo(vec![7]).await.unwrap().into_inner(), [7]);
    for _ in 0..3 {
        let served = client.broker().serve(Mirror::new()).await.unwrap();
        let reply = probe.dial(served.id().get()).await.unwrap();
        assert_eq!(reply.into_inner(), b"over a side channel");
        served.close().await;
        let id = probe.serve(()).await.unwrap().into_inner();
        let channel = client.broker().dial(id).await.unwrap();
        let reply = ProbeClient::new(channel).echo(b"there and back".to_vec()).await.unwrap();
        assert_eq!(reply.into_inner(), b"there and back");
    }
    assert_eq!(client.shutdown().await.unwrap().outcome, ShutdownOutcome::Graceful);
    assert_eq!((left(guard.base()), groups(&name)), (0, vec![]));
}

fn left(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

/// The container's name, which is that of the private directory.
fn name(client: &Client) -> OsString {
    let Address::Unix(path) = client.address() else { panic!("{}", client.address()) };
    path.parent().unwrap().file_name().unwrap().to_owned()
}

/// The control groups of a container, one in each hierarchy.
fn groups(name: &OsString) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let below = fs::read_dir(root).into_iter().flatten();
    let hierarchies = below.filter_map(|entry| Some(entry.ok()?.path())).chain([root.to_owned()]);
    hierarchies.map(|hierarchy| hierarchy.join(name)).filter(|group| group.exists()).collect()
}

#[test]
fn a_plugin_in_a_container_is_called_and_calls_back_by_translation_and_leaves_nothing() {
    const NAME: &str = "a plugin in a container";
    let Some((runtime, environment)) = runtime() else {
        return not_tested(NAME, "no OCI runtime; docs/guide/runners.md says how to get one");
    };
    leak_free(async |guard| {
        let rootfs = guard.scratch().join("root");
        fs::create_dir(&rootfs).unwrap();
        root(&rootfs);
        if let Some(reason) = forbidden(&runtime, &environment, &rootfs).await {
            let reason = format!("{} may not run a container: {reason}", runtime.display());
            return not_tested(NAME, reason);
        }
        let runner = OciRunner::new(&runtime, environment.clone(), &rootfs);
        let builder = host(guard).runner(runner);
        for tls in [Tls::Auto, Tls::Plaintext] {
            let builder = builder.clone().tls(tls);
            calls_both_ways(guard, &builder).await;
            calls_both_ways(guard, &builder.multiplex_grpc(true)).await;
        }

        // Killed with its runtime, which can remove nothing then.
        let client = builder.clone().spawn(plugin(guard)).await.unwrap();
        let killed = name(&client);
        assert!(!groups(&killed).is_empty(), "{killed:?} has no control group");
        client.kill().await;
        assert_eq!((left(guard.base()), groups(&killed)), (0, vec![]));

        let error = builder.clone().spawn(guard.command("/no-such-plugin")).await.unwrap_err();
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED");
        assert!(error.to_string().contains("no-such-plugin"), "{error}");

        // Nobody waits for the end of a plugin whose last handle is dropped.
        let client = builder.spawn(plugin(guard)).await.unwrap();
        let dropped = name(&client);
        drop(client);
        let ended = async {
            while left(guard.base()) > 0 || !groups(&dropped).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
        let example = run_the_example(&runtime, environment, &rootfs).await;
        // Past the test harness, as the opposite is said.
        let _ = writeln!(std::io::stderr(), "TESTED here: {NAME}, with {}", runtime.display());
        if !example {
            not_tested("container-host", "cargo build --package rpcplugin-examples makes it");
        }
    });
}

/// As the guide says; false if the example is not built.
async fn run_the_example(runtime: &Path, environment: Environment, rootfs: &Path) -> bool {
    let (host, plugin) = (program("container-host"), program("kv-plugin"));
    if !host.exists() || !plugin.exists() {
        return false;
    }
    add(&plugin, rootfs);
    let mut run = Command::new(host);
    run.arg(runtime).arg("root").arg("/kv-plugin").current_dir(rootfs.parent().unwrap());
    run.envs(environment).stdin(Stdio::null()).kill_on_drop(true);
    let output =
        tokio::time::timeout(Duration::from_secs(60), run.output()).await.unwrap().unwrap();
    let (said, wrong) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let (said, wrong) = (said.unwrap(), wrong.unwrap());
    assert!(output.status.success(), "{said}{wrong}");
    assert!(said.starts_with("in a container at "), "{said}{wrong}");
    assert!(said.contains("\ngraceful after "), "{said}{wrong}");
    true
}
