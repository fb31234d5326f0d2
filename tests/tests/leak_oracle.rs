//! The oracle itself: that it sees each kind of leak, and passes when nothing leaked.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    future::pending, os::unix::net::UnixListener, process::Stdio, sync::mpsc, time::Duration,
};

use rpcplugin_tests::leak::{Kind, LeakGuard, leak_free};
use rpcplugin_transport::PrivateDir;

/// The kinds of what a guard finds at once.
async fn kinds(guard: &LeakGuard) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = guard.leaks().await.into_iter().map(|leak| leak.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Runs `leak` under a guard that does not wait, and asserts what it finds before `end`.
fn sees<T, const N: usize>(
    expected: [Kind; N],
    leak: impl AsyncFnOnce(&LeakGuard) -> T,
    end: impl AsyncFnOnce(T),
) {
    leak_free(async |outer| {
        // The outer guard holds the turn and proves that `end` cleans up.
        let guard = outer.nested().limit(Duration::ZERO);
        let leaked = leak(&guard).await;
        // Threads of other tests may come and go meanwhile.
        let seen = async {
            while kinds(&guard).await != expected {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), seen).await.unwrap();
        let guard = guard.limit(Duration::from_secs(2));
        end(leaked).await;
        guard.check().await;
    });
}

#[test]
fn a_test_that_leaves_nothing_passes() {
    leak_free(async |guard| {
        let child = guard.command("true").status().await.unwrap();
        assert!(child.success());
        std::fs::write(guard.base().join("file"), "").unwrap();
        std::fs::remove_file(guard.base().join("file")).unwrap();
        tokio::spawn(async {}).await.unwrap();
        tokio::task::spawn_blocking(|| {}).await.unwrap();
    });
}

#[test]
fn what_vanishes_within_the_limit_is_no_leak() {
    leak_free(async |_| {
        let (done, wait) = mpsc::channel::<()>();
        std::thread::spawn(move || wait.recv());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(done);
        });
    });
}

#[test]
fn a_child_that_runs_is_a_leak() {
    sees(
        [Kind::Process],
        async |_| std::process::Command::new("sleep").arg("60").spawn().unwrap(),
        async |mut child| {
            child.kill().unwrap();
            child.wait().unwrap();
        },
    );
}

#[test]
fn a_child_that_nobody_reaped_is_a_leak() {
    sees(
        [Kind::Zombie],
        async |_| {
            let child = std::process::Command::new("true").spawn().unwrap();
            let stat = format!("/proc/{}/stat", child.id());
            let ended = async {
                while !std::fs::read_to_string(&stat).unwrap().contains(") Z ") {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(2), ended).await.unwrap();
            child
        },
        async |mut child| {
            child.wait().unwrap();
        },
    );
}

#[test]
fn a_marked_process_that_left_the_tree_is_a_leak() {
    sees(
        [Kind::Process],
        async |guard| {
            // The shell ends at once, and its child has another parent then.
            let mut shell = guard.command("sh");
            let shell = shell.args(["-c", "sleep 60 >/dev/null 2>&1 & echo $!"]);
            let output = shell.stdin(Stdio::null()).output().await.unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse::<i32>().unwrap()
        },
        async |pid| {
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        },
    );
}

#[test]
fn a_socket_in_the_base_directory_is_a_leak() {
    sees(
        [Kind::File],
        async |guard| {
            let path = guard.base().join("plugin.sock");
            // Dropping the listener closes it; nobody removes the file.
            drop(UnixListener::bind(&path).unwrap());
            path
        },
        async |path| std::fs::remove_file(path).unwrap(),
    );
}

#[test]
fn a_plugin_directory_among_the_temporary_files_is_a_leak() {
    sees(
        [Kind::File, Kind::Descriptor],
        async |_| PrivateDir::create([std::env::temp_dir()], None).unwrap(),
        async |directory| drop(directory),
    );
}

#[test]
fn a_plugin_socket_among_the_temporary_files_is_a_leak() {
    sees(
        [Kind::File, Kind::Descriptor],
        async |_| {
            let mut name = tempfile::Builder::new();
            name.prefix("plugin").make(|path| UnixListener::bind(path)).unwrap()
        },
        async |socket| socket.close().unwrap(),
    );
}

/// On a machine where others start plugins, too.
#[test]
fn what_nobody_of_the_test_holds_among_the_temporary_files_is_none() {
    leak_free(async |guard| {
        let socket = tempfile::Builder::new().prefix("plugin").make(|path| {
            // Dropping the listener closes it; nobody removes the file.
            UnixListener::bind(path).map(drop)
        });
        let directory = tempfile::Builder::new().prefix("rpcplugin-").tempdir();
        let leaks = guard.leaks().await;
        assert!(leaks.is_empty(), "{leaks:?}");
        socket.unwrap().close().unwrap();
        directory.unwrap().close().unwrap();
    });
}

#[test]
fn an_open_descriptor_is_a_leak() {
    sees(
        [Kind::Descriptor],
        async |_| std::fs::File::open("/dev/null").unwrap(),
        async |file| {
            drop(file);
        },
    );
}

#[test]
fn a_thread_that_does_not_end_is_a_leak() {
    sees(
        [Kind::Thread],
        async |_| {
            let (done, wait) = mpsc::channel::<()>();
            (done, std::thread::spawn(move || wait.recv()))
        },
        async |(done, thread)| {
            drop(done);
            let _ = thread.join().unwrap();
        },
    );
}

#[test]
fn a_blocking_call_that_does_not_end_is_a_leak() {
    sees(
        [Kind::Thread],
        async |_| {
            let (done, wait) = mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || wait.recv());
            done
        },
        async |done| drop(done),
    );
}

#[test]
fn a_task_that_does_not_end_is_a_leak() {
    sees([Kind::Task], async |_| tokio::spawn(pending::<()>()), async |task| task.abort());
}

#[test]
fn a_guard_without_a_check_panics() {
    leak_free(async |guard| {
        let unchecked = guard.nested();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(unchecked)));
        let text = panic.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("dropped without a check"), "{text}");
    });
}

#[test]
fn a_guard_without_a_runtime_checks_too() {
    let guard = LeakGuard::new();
    drop(std::fs::File::open("/dev/null").unwrap());
    guard.check_blocking();
}
