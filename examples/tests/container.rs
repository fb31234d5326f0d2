//! A plugin in a real container. `docs/guide/runners.md` says how to get a runtime; where there is
//! none, or it may not run here, the test says so.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command as Program, Stdio},
    time::Duration,
};

use rpcplugin::{Client, client::ShutdownOutcome};
use rpcplugin_examples::{COOKIE, OciRunner};
use rpcplugin_proto::kv::{GetRequest, PutRequest, kv_client::KvClient};
use serde_json::json;
use tokio::process::Command;

type Environment = Vec<(OsString, OsString)>;

/// `RPCPLUGIN_OCI_RUNTIME`, or what was unpacked into `target/oci`; with its libraries.
fn runtime() -> Option<(PathBuf, Environment)> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/oci/root");
    let given = std::env::var_os("RPCPLUGIN_OCI_RUNTIME").map(PathBuf::from);
    let program = given.unwrap_or_else(|| unpacked.join("usr/sbin/runc"));
    let libraries = unpacked.join("usr/lib/x86_64-linux-gnu").into_os_string();
    let environment = vec![
        ("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ("LD_LIBRARY_PATH".into(), libraries),
    ];
    program.exists().then_some((program, environment))
}

/// A root with the plugin and the libraries that it is linked with.
fn root(at: &Path) {
    let plugin = Path::new(env!("CARGO_BIN_EXE_kv-plugin"));
    fs::copy(plugin, at.join("kv-plugin")).unwrap();
    for directory in ["proc", "dev", "rpcplugin"] {
        fs::create_dir(at.join(directory)).unwrap();
    }
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
            "args": ["/kv-plugin"], "cwd": "/", "user": { "uid": 0, "gid": 0 },
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

#[tokio::test]
async fn a_plugin_in_a_container_is_reached_by_translation_and_leaves_nothing() {
    let Some((runtime, environment)) = runtime() else {
        eprintln!("skipped: no OCI runtime; docs/guide/runners.md says how to get one");
        return;
    };
    let rootfs = tempfile::tempdir().unwrap();
    root(rootfs.path());
    if let Some(reason) = forbidden(&runtime, &environment, rootfs.path()).await {
        eprintln!("skipped: {} may not run a container here: {reason}", runtime.display());
        return;
    }
    let base = tempfile::tempdir().unwrap();
    let runner = OciRunner::new(runtime, environment, rootfs.path());
    let builder = Client::builder(COOKIE).runner(runner).unix_socket_dir(base.path());

    let plugin = builder.clone().spawn(Command::new("/kv-plugin")).await.unwrap();
    assert!(plugin.address().to_string().starts_with(base.path().to_str().unwrap()));
    let mut kv = plugin.dispense(KvClient::new);
    kv.put(PutRequest { key: "k".into(), value: b"v".to_vec() }).await.unwrap();
    let reply = kv.get(GetRequest { key: "k".into() }).await.unwrap();
    assert_eq!(reply.into_inner().value, b"v");
    assert_eq!(plugin.shutdown().await.unwrap().outcome, ShutdownOutcome::Graceful);
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);

    // Killed with its runtime, which can remove nothing then.
    let plugin = builder.clone().spawn(Command::new("/kv-plugin")).await.unwrap();
    plugin.kill().await;
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);

    let error = builder.spawn(Command::new("/no-such-plugin")).await.unwrap_err();
    assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED");
    assert!(error.to_string().contains("no-such-plugin"), "{error}");
}
