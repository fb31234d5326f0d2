//! The host ends without a word: `docs/faults.md` J.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    collections::BTreeSet,
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rpcplugin::{
    core::{Address, limits},
    transport::PrivateDir,
};
use rpcplugin_tests::{
    Fifo,
    host::{self, exists, freeze, gone, program, signal},
    leak::{LeakGuard, leak_free},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

const LINE: &str = "1|{version}|{network}|{address}|grpc|{cert}";

/// A host in a process of its own, and the id of its plugin.
async fn start(guard: &LeakGuard, options: &[&str], plugin: &[&str]) -> (Child, u32) {
    let mut command = guard.command(program("test-host"));
    command.args(options).arg("--").args(plugin);
    // Its directories are looked for where the guard looks.
    command.env("TMPDIR", guard.base());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut host = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let pid = line.split(' ').nth(1).unwrap_or_else(|| panic!("the host said {line:?}"));
    (host, pid.parse().unwrap())
}

/// Ends the host, and asserts that all these processes follow within two seconds.
///
/// Only a plugin of ours removes the private directory then; what others leave, the test removes.
async fn all_die(guard: &LeakGuard, mut host: Child, how: Signal, pids: &[u32]) {
    signal(host.id().unwrap(), how);
    host.wait().await.unwrap();
    for pid in pids {
        gone(*pid).await;
    }
    for entry in std::fs::read_dir(guard.base()).unwrap() {
        std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
}

/// Starts a host with this plugin, kills it, and asserts that the plugin follows.
async fn dies(guard: &LeakGuard, options: &[&str], plugin: &[&str]) {
    let (host, pid) = start(guard, options, plugin).await;
    all_die(guard, host, Signal::KILL, &[pid]).await;
}

#[test]
fn j1_our_plugin_does_not_outlive_its_host() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        dies(guard, &[], &[plugin.to_str().unwrap()]).await;
        dies(guard, &["plaintext"], &[plugin.to_str().unwrap()]).await;
    });
}

#[test]
fn j1_our_plugin_removes_its_socket_when_its_host_is_gone() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let (mut host, pid) = start(guard, &[], &[plugin.to_str().unwrap()]).await;
        assert_eq!(sockets(guard).len(), 1);
        signal(host.id().unwrap(), Signal::KILL);
        host.wait().await.unwrap();
        gone(pid).await;
        assert_eq!(sockets(guard), [] as [PathBuf; 0]);
        for entry in std::fs::read_dir(guard.base()).unwrap() {
            std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
    });
}

#[test]
fn j1_our_plugin_removes_the_private_directory_when_its_host_is_gone() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        for options in [&[][..], &["plaintext"][..]] {
            let (mut host, pid) = start(guard, options, &[plugin.to_str().unwrap()]).await;
            assert_eq!(sockets(guard).len(), 1);
            signal(host.id().unwrap(), Signal::KILL);
            host.wait().await.unwrap();
            // Within two seconds.
            gone(pid).await;
            let left: Vec<_> = std::fs::read_dir(guard.base()).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    });
}

/// The sockets below the base directory, one level down.
fn sockets(guard: &LeakGuard) -> Vec<PathBuf> {
    let directories = std::fs::read_dir(guard.base()).unwrap();
    let inner = directories.filter_map(|entry| std::fs::read_dir(entry.unwrap().path()).ok());
    inner.flatten().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn j7_a_foreign_plugin_does_not_outlive_its_host() {
    leak_free(async |guard| {
        let plugin = program("evil-plugin");
        let plugin = plugin.to_str().unwrap();
        // It knows nothing of the lifeline, and would ignore Shutdown.
        let words = [plugin, "listen", "unix", "serve", "deaf-tls", "line", LINE, "hang"];
        dies(guard, &[], &words).await;
    });
}

#[test]
fn j7_a_go_plugin_does_not_outlive_its_host() {
    let Some(plugin) = go_plugin() else {
        let why = "`cargo xtask interop` builds the Go plugin, and is where it must be";
        rpcplugin_tests::not_tested("a Go plugin whose host dies", why);
        return;
    };
    leak_free(async |guard| {
        dies(guard, &["cookie=BASIC_PLUGIN=hello"], &[plugin.to_str().unwrap()]).await;
    });
}

/// The Go plugin of the interop matrix: where `RPCPLUGIN_GO_PLUGIN` says, and then it must be
/// there, or in the target directory if it was built.
fn go_plugin() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("RPCPLUGIN_GO_PLUGIN") {
        let path = PathBuf::from(path);
        assert!(path.exists(), "no Go plugin at {}", path.display());
        return Some(path);
    }
    Some(program("../interop/go-plugin-1.8.0/plugin")).filter(|path| path.exists())
}

#[test]
fn j1_ordinary_descendants_of_our_plugin_die_too() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let (evil, plugin) = (program("evil-plugin"), program("test-plugin"));
        let (evil, plugin) = (evil.to_str().unwrap(), plugin.to_str().unwrap());
        let report = ["report", reports.path(), "{child}"].map(str::to_owned);
        let mut words = vec![evil, "child", "hang"];
        words.extend(report.iter().map(String::as_str));
        words.extend(["exec", plugin]);
        let (host, pid) = start(guard, &[], &words).await;
        let child: u32 = reports.line().await.unwrap().parse().unwrap();
        assert!(exists(child));
        all_die(guard, host, Signal::KILL, &[pid, child]).await;
    });
}

#[test]
fn j1_a_stopped_plugin_does_not_outlive_its_host() {
    leak_free(async |guard| {
        for name in ["test-plugin", "evil-plugin"] {
            let plugin = program(name);
            let words = ["listen", "unix", "serve", "deaf-tls", "line", LINE, "hang"];
            let words = if name == "evil-plugin" { &words[..] } else { &[] };
            let words = [&[plugin.to_str().unwrap()], words].concat();
            let (host, pid) = start(guard, &[], &words).await;
            freeze(pid).await;
            all_die(guard, host, Signal::KILL, &[pid]).await;
        }
    });
}

#[test]
fn j1_a_plugin_that_has_not_started_yet_does_not_outlive_its_host() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = guard.command(program("test-host"));
        command.arg("--").arg(program("evil-plugin"));
        command.args(["report", reports.path(), "{pid}", "hang"]).env("TMPDIR", guard.base());
        let host = command.stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let pid = reports.line().await.unwrap().parse().unwrap();
        all_die(guard, host, Signal::KILL, &[pid]).await;
    });
}

#[test]
fn j2_however_the_host_dies_its_plugin_does_too() {
    leak_free(async |guard| {
        for how in [Signal::ABORT, Signal::TERM, Signal::INT, Signal::HUP] {
            let plugin = program("test-plugin");
            let (host, pid) = start(guard, &[], &[plugin.to_str().unwrap()]).await;
            all_die(guard, host, how, &[pid]).await;
        }
    });
}

#[test]
fn j5_the_next_host_sweeps_exactly_the_directories_of_dead_hosts() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let plugin = plugin.to_str().unwrap();
        let (mut lives, live) = start(guard, &[], &[plugin]).await;
        let (detaching, detached) = start(guard, &["detach"], &[plugin, "detach"]).await;
        kill(detaching).await;
        let needed = entries(guard);
        assert_eq!(needed.len(), 2);
        let evil = program("evil-plugin");
        let words = ["listen", "unix", "serve", "deaf-tls", "line", LINE, "hang"];
        let (dies, foreign) =
            start(guard, &[], &[&[evil.to_str().unwrap()], &words[..]].concat()).await;
        kill(dies).await;
        gone(foreign).await;
        assert_eq!(entries(guard).len(), 3, "a foreign plugin leaves the directory");
        for number in 0..1000 {
            // The alphabet of names has no 0, 1, 8 and 9.
            let letter = |digit: char| char::from(b'a' + digit as u8 - b'0');
            let name: String = format!("{number:04}").chars().map(letter).collect();
            let left = guard.base().join(format!("rpcplugin-left{name}"));
            std::fs::DirBuilder::new().mode(0o700).create(left).unwrap();
        }

        let next = host::host(guard).spawn(host::test_plugin(guard)).await.unwrap();
        let Address::Unix(socket) = next.address() else { panic!("{:?}", next.address()) };
        let own = socket.parent().unwrap().to_owned();
        let expected: BTreeSet<_> = needed.iter().cloned().chain([own]).collect();
        let swept = async {
            while entries(guard) != expected {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let swept = tokio::time::timeout(Duration::from_secs(30), swept).await;
        assert!(swept.is_ok(), "{:?} and not {expected:?}", entries(guard));
        assert!(exists(live) && exists(detached));
        assert_eq!(sockets(guard).iter().filter(|path| is_socket(path)).count(), 3);

        signal(detached, Signal::TERM);
        gone(detached).await;
        assert_eq!(PrivateDir::sweep(guard.base()).unwrap(), 1, "now nobody needs it");
        drop(lives.stdin.take());
        assert!(lives.wait().await.unwrap().success());
        next.shutdown().await.unwrap();
    });
}

async fn kill(mut host: Child) {
    signal(host.id().unwrap(), Signal::KILL);
    host.wait().await.unwrap();
}

fn entries(guard: &LeakGuard) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(guard.base()).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[test]
fn j6_a_detached_plugin_stays() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let words = [plugin.to_str().unwrap(), "detach"];
        let (mut host, pid) = start(guard, &["detach"], &words).await;
        signal(host.id().unwrap(), Signal::KILL);
        host.wait().await.unwrap();
        // Whatever kills others does so when the host ends, or two seconds later at most.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(exists(pid));
        signal(pid, Signal::TERM);
        gone(pid).await;
        for entry in std::fs::read_dir(guard.base()).unwrap() {
            std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
    });
}

#[test]
fn j3_the_end_of_the_thread_that_asked_for_the_start_is_not_the_hosts() {
    leak_free(async |guard| {
        let (builder, command) = (host::host(guard), host::test_plugin(guard));
        let runtime = tokio::runtime::Handle::current();
        let start = move || runtime.block_on(builder.spawn(command));
        let client = std::thread::spawn(start).join().unwrap().unwrap();
        // Threads for blocking calls end after ten milliseconds in these tests.
        let idle = tokio::task::spawn_blocking(|| std::fs::read_link("/proc/thread-self"));
        let thread = std::path::Path::new("/proc").join(idle.await.unwrap().unwrap());
        let ended = async {
            while thread.exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), ended).await.unwrap();
        client.ping().await.unwrap();
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_host_that_drops_its_client_at_its_very_end_leaves_nothing() {
    leak_free(async |guard| {
        for _ in 0..5 {
            let plugin = program("test-plugin");
            let (mut host, pid) = start(guard, &["drop"], &[plugin.to_str().unwrap()]).await;
            let asked = Instant::now();
            drop(host.stdin.take());
            assert!(host.wait().await.unwrap().success());
            let took = asked.elapsed();
            gone(pid).await;
            let left: Vec<_> = std::fs::read_dir(guard.base()).unwrap().collect();
            // It waits for a second; a system that needs longer to end a killed process leaves
            // the directory to the next host's sweep.
            assert!(left.is_empty() || took >= limits::REAP, "{took:?}: {left:?}");
            for entry in left {
                std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
            }
        }
    });
}

#[test]
fn a_host_that_just_exits_takes_its_plugin_with_it() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let (mut host, pid) = start(guard, &["exit"], &[plugin.to_str().unwrap()]).await;
        drop(host.stdin.take());
        assert!(host.wait().await.unwrap().success());
        gone(pid).await;
        assert_eq!(sockets(guard), [] as [PathBuf; 0]);
        // No destructor ran, and the plugin may have been killed before it could remove it.
        for entry in std::fs::read_dir(guard.base()).unwrap() {
            std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
    });
}

#[test]
fn an_orderly_host_leaves_nothing() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let (mut host, pid) = start(guard, &[], &[plugin.to_str().unwrap()]).await;
        drop(host.stdin.take());
        assert!(host.wait().await.unwrap().success());
        gone(pid).await;
    });
}
