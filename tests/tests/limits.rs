//! Plugins that take more than they may: F-ISO-1, 2, 3, 6, 8 and 9, `docs/faults.md` K.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rpcplugin::{
    Client,
    client::{Builder, Limits, ReachedLimit, State},
    core::CrashReport,
};
use rpcplugin_tests::{
    Fifo, Unprivileged,
    host::{evil_plugin, exists, gone, host, probe, refusal, test_plugin},
    leak::{LeakGuard, leak_free},
    not_tested,
};

/// What a plugin does first. It never answers the probe.
const READY: [&str; 6] = [
    "listen",
    "unix",
    "serve",
    "silence-tls",
    "line",
    "1|{version}|{network}|{address}|grpc|{cert}",
];

/// A plugin that becomes ready, and does this once it may.
fn words<'a>(actions: &[&'a str]) -> Vec<&'a str> {
    [&READY[..], actions, &["hang"]].concat()
}

/// Waits for a plugin's end, which must come by itself.
async fn end(client: &Client) -> CrashReport {
    let exited = tokio::time::timeout(Duration::from_secs(30), client.exited());
    exited.await.expect("the plugin is ended")
}

/// Asserts that a host and its other plugin are none the worse.
async fn unharmed(neighbour: Client) {
    for _ in 0..10 {
        assert_eq!(probe(&neighbour).echo(vec![7; 10]).await.unwrap().into_inner(), vec![7; 10]);
    }
    neighbour.shutdown().await.unwrap();
}

async fn neighbour(guard: &LeakGuard) -> Client {
    host(guard).spawn(test_plugin(guard)).await.unwrap()
}

const MIB: u64 = 1 << 20;

#[test]
fn k1_a_plugin_that_leaks_memory_is_killed_and_its_report_says_why() {
    leak_free(async |guard| {
        let neighbour = neighbour(guard).await;
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let words = words(&["gate", gate.path(), "allocate", "400"]);
        let builder = host(guard).limit_memory(200 * MIB);
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        let waiting = tokio::spawn({
            let mut probe = probe(&client);
            async move { probe.sleep(3_600_000).await }
        });
        assert!(client.usage().unwrap().memory < 200 * MIB);
        gate.release().await.unwrap();
        let report = end(&client).await;
        assert_eq!(report.limit, Some(ReachedLimit::Memory(200 * MIB)), "{report}");
        assert_eq!(report.status.unwrap().signal(), Some(9));
        assert!(report.peak.memory.unwrap() > 200 * MIB, "{report}");
        assert!(report.to_string().contains("ended by its limit of 209715200 bytes of memory"));
        assert_eq!(report.to_json()["limit"]["name"], "memory");
        let status = waiting.await.unwrap().unwrap_err();
        let error = rpcplugin::error_from_status(&status);
        assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE", "{error}");
        assert!(error.to_string().contains("limit of 209715200 bytes"), "{error}");
        unharmed(neighbour).await;
    });
}

#[test]
fn k1_the_memory_of_descendants_counts() {
    leak_free(async |guard| {
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let words = words(&["gate", gate.path(), "child", "allocate 400 hang"]);
        let builder = host(guard).limit_memory(200 * MIB);
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        gate.release().await.unwrap();
        let report = end(&client).await;
        assert_eq!(report.limit, Some(ReachedLimit::Memory(200 * MIB)), "{report}");
    });
}

#[test]
fn k1_a_start_that_takes_too_much_memory_fails_and_says_why() {
    leak_free(async |guard| {
        let builder = host(guard).limit_memory(200 * MIB);
        let error = refusal(builder, evil_plugin(guard, ["allocate", "400", "hang"])).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED", "{error}");
        let report = error.report().unwrap();
        assert_eq!(report.limit, Some(ReachedLimit::Memory(200 * MIB)), "{report}");
    });
}

#[test]
fn k1_address_space_that_is_used_up_ends_the_plugin_only() {
    leak_free(async |guard| {
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let words = words(&["gate", gate.path(), "allocate", "1000"]);
        let builder = host(guard).limit_address_space(600 * MIB);
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        gate.release().await.unwrap();
        let report = end(&client).await;
        assert!(report.status.unwrap().signal().is_some(), "{report}");
        assert!(report.stderr.iter().any(|line| line.contains("memory allocation")), "{report}");
    });
}

#[test]
fn k2_a_plugin_that_forks_without_end_is_contained() {
    leak_free(async |guard| {
        let Some(user) = Unprivileged::new(guard, "k2, RLIMIT_NPROC") else { return };
        let neighbour = neighbour(guard).await;
        let mut reports = user.fifo(guard, "reports");
        let mut gate = user.fifo(guard, "gate");
        let words =
            words(&["gate", gate.path(), "multiply", "200", "report", reports.path(), "{result}"]);
        let mut command = user.command(guard, "evil-plugin");
        command.args(words);
        let client = user.host(guard).limit_processes(60).spawn(command).await.unwrap();
        gate.release().await.unwrap();
        let processes: u32 = reports.line().await.unwrap().parse().unwrap();
        assert!((1..60).contains(&processes), "{processes} processes");
        assert_eq!(client.state(), State::Running);
        client.kill().await;
        unharmed(neighbour).await;
    });
}

#[test]
fn k2_a_limit_on_processes_that_does_not_bind_is_refused() {
    leak_free(async |guard| {
        if !rustix::process::geteuid().is_root() {
            not_tested("k2, refusal of a limit that root is not under", "not root");
            return;
        }
        let error = refusal(host(guard).limit_processes(10), test_plugin(guard)).await;
        assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED");
        assert!(error.to_string().contains("RLIMIT_NPROC"), "{error}");
    });
}

#[test]
fn k2_with_a_cgroup_those_that_detached_themselves_go_too() {
    leak_free(async |guard| {
        let Some(cgroup) = TestCgroup::new() else { return };
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        // The shell is gone at once, so nothing tells any more whose descendant it was.
        let script = "setsid sh -c 'echo $$ > \"$0\"; exec sleep 300' \"$1\" & exit 0";
        let daemon = format!("sh -c '{}' sh {}", script.replace('\'', "'\\''"), reports.path());
        let outer = format!("{daemon}\nexec \"$0\" \"$@\"");
        let mut command = guard.command("sh");
        command.args(["-c", &outer]).arg(rpcplugin_tests::host::program("test-plugin"));
        let client = host(guard).cgroup(&cgroup.0).spawn(command).await.unwrap();
        let daemon = reports.line().await.unwrap().parse().unwrap();
        assert!(exists(daemon));
        client.shutdown().await.unwrap();
        gone(daemon).await;
        let left = std::fs::read_dir(&cgroup.0).unwrap();
        let left: Vec<_> = left.flatten().filter(|entry| entry.path().is_dir()).collect();
        assert!(left.is_empty(), "{left:?}");
    });
}

#[test]
fn k1_with_a_cgroup_the_kernel_ends_a_plugin_that_leaks_memory() {
    leak_free(async |guard| {
        let Some(cgroup) = TestCgroup::with_controllers("k1, memory.max") else { return };
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let words = words(&["gate", gate.path(), "allocate", "400"]);
        let builder = host(guard).cgroup(&cgroup.0).limit_memory(200 * MIB);
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        gate.release().await.unwrap();
        let report = end(&client).await;
        assert_eq!(report.limit, Some(ReachedLimit::Memory(200 * MIB)), "{report}");
        assert_eq!(report.status.unwrap().signal(), Some(9));
    });
}

#[test]
fn k2_with_a_cgroup_the_kernel_contains_a_plugin_that_forks_without_end() {
    leak_free(async |guard| {
        let Some(cgroup) = TestCgroup::with_controllers("k2, pids.max") else { return };
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let words =
            words(&["gate", gate.path(), "multiply", "200", "report", reports.path(), "{result}"]);
        // No user of its own: the limit binds root too.
        let builder = host(guard).cgroup(&cgroup.0).limit_processes(60);
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        gate.release().await.unwrap();
        let processes: u32 = reports.line().await.unwrap().parse().unwrap();
        assert!((1..60).contains(&processes), "{processes} processes");
        assert_eq!(client.state(), State::Running);
        client.kill().await;
    });
}

/// A cgroup v2 of this test, which goes with it.
struct TestCgroup(PathBuf);

impl TestCgroup {
    /// `None`, with the reason on stderr, where this process may not make one.
    fn new() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let mount = mount.and_then(|line| line.split(' ').nth(4));
        let path = mount.map(|mount| {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("rpcplugin-tests-{}-{number}", std::process::id());
            PathBuf::from(mount).join(name)
        });
        match path {
            Some(path) if std::fs::create_dir(&path).is_ok() => {
                if path.join("cgroup.kill").exists() {
                    return Some(Self(path));
                }
                not_tested("cgroup.kill", "the kernel is older than Linux 5.14");
                std::fs::remove_dir(path).unwrap();
                None
            }
            _ => {
                not_tested("cgroup.kill", "no cgroup v2 can be made here");
                None
            }
        }
    }
}

impl TestCgroup {
    /// The same, where the kernel limits memory and processes; `None`, with the reason on stderr,
    /// where it does not.
    fn with_controllers(test: &str) -> Option<Self> {
        const ON: &str = "+memory +pids";
        let Some(cgroup) = Self::new() else {
            not_tested(test, "no cgroup v2");
            return None;
        };
        // First handed on to it, then by it. Those of version 1 are not there to hand on.
        for path in [cgroup.0.parent().unwrap(), &cgroup.0] {
            if let Err(error) = std::fs::write(path.join("cgroup.subtree_control"), ON) {
                not_tested(test, format!("no memory and pids in {}: {error}", path.display()));
                return None;
            }
        }
        // What does not fit must not go to a disk instead. Not every kernel counts that.
        let _ = std::fs::write(cgroup.0.join("memory.swap.max"), "0");
        Some(cgroup)
    }
}

impl Drop for TestCgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn k3_a_plugin_that_opens_files_without_end_hits_its_own_limit() {
    leak_free(async |guard| {
        let neighbour = neighbour(guard).await;
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let words =
            words(&["gate", gate.path(), "open", "1000", "report", reports.path(), "{result}"]);
        let builder = host(guard).limits(Limits::new().open_files(64));
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        gate.release().await.unwrap();
        let files: u64 = reports.line().await.unwrap().parse().unwrap();
        assert!((1..64).contains(&files), "{files} files");
        assert!(client.usage().unwrap().descriptors <= 64);
        // It has few left, and the connection to its host is one of them.
        client.ping().await.unwrap();
        client.kill().await;
        assert!(client.exited().await.peak.descriptors.unwrap() <= 64);
        unharmed(neighbour).await;
    });
}

#[test]
fn k3_a_plugin_that_fills_the_disk_is_ended_and_its_report_says_why() {
    leak_free(async |guard| {
        let neighbour = neighbour(guard).await;
        let file = guard.scratch().join("file");
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let words = words(&["gate", gate.path(), "grow", file.to_str().unwrap(), "8"]);
        let builder = host(guard).limit_file_size(MIB + 1);
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        gate.release().await.unwrap();
        let report = end(&client).await;
        assert_eq!(report.limit, Some(ReachedLimit::FileSize(MIB + 1)), "{report}");
        assert_eq!(file.metadata().unwrap().len(), MIB + 1);
        unharmed(neighbour).await;
    });
}

#[test]
fn k6_calls_to_another_plugin_complete_beside_one_that_spins() {
    leak_free(async |guard| {
        let neighbour = neighbour(guard).await;
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let words = words(&["spin", "64", "report", reports.path(), "spinning"]);
        let hog = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
        assert_eq!(reports.line().await.unwrap(), "spinning");
        let used = hog.usage().unwrap().cpu_time;
        unharmed(neighbour).await;
        // It was there all the time.
        assert_eq!(hog.state(), State::Running);
        assert!(hog.usage().unwrap().cpu_time >= used);
        hog.kill().await;
    });
}

#[test]
fn k6_a_plugin_that_spins_is_ended_at_its_limit_and_its_report_says_why() {
    leak_free(async |guard| {
        let limit = Duration::from_secs(1);
        let builder = host(guard).limit_cpu_time(limit);
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let words = words(&["gate", gate.path(), "spin", "4"]);
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        gate.release().await.unwrap();
        let report = end(&client).await;
        assert_eq!(report.limit, Some(ReachedLimit::CpuTime(limit)), "{report}");
        // The limit counts ticks, of which a busy machine steals some.
        assert!(report.peak.cpu_time.unwrap() >= Duration::from_millis(300), "{report}");
    });
}

#[test]
fn a_plugin_that_has_lived_long_enough_is_stopped_in_order() {
    leak_free(async |guard| {
        let limit = Duration::from_millis(300);
        let client = host(guard).max_lifetime(limit).spawn(test_plugin(guard)).await.unwrap();
        let report = end(&client).await;
        assert_eq!(report.limit, Some(ReachedLimit::Lifetime(limit)), "{report}");
        assert!(report.alive >= limit && report.status.unwrap().success(), "{report}");
        let status = probe(&client).echo(vec![1]).await.unwrap_err();
        assert_eq!(rpcplugin::error_from_status(&status).code(), "TRANSPORT_PLUGIN_GONE");
        let error = client.shutdown().await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE");
    });
}

#[test]
fn an_orderly_end_reports_the_peaks() {
    leak_free(async |guard| {
        let client = neighbour(guard).await;
        client.clone().shutdown().await.unwrap();
        let report = client.exited().await;
        assert_eq!(report.limit, None);
        assert!(report.peak.memory.unwrap() > MIB, "{report}");
        assert!(report.peak.cpu_time.is_some() && report.peak.descriptors > Some(2), "{report}");
    });
}

#[test]
fn what_the_new_process_cannot_do_to_itself_is_named_and_fails_the_start() {
    leak_free(async |guard| {
        let refused = async |builder: Builder, words: &[&str]| {
            let error = refusal(builder, test_plugin(guard)).await;
            assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED", "{error}");
            let text = error.to_string();
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        };
        if std::thread::available_parallelism().unwrap().get() < 1024 {
            refused(host(guard).cpu_affinity([1023]), &["cpu_affinity [1023]", "Invalid"]).await;
        }
        refused(host(guard).user("no-such-user"), &["no-such-user"]).await;
        refused(host(guard).cgroup("/proc"), &["/proc", "cgroup v2"]).await;
    });
}
