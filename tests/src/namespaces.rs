//! Namespaces for a test, in which it may choose process numbers and mount file systems.

use std::{env, path::Path, time::Duration};

use tokio::process::{Child, Command};

use crate::leak::{LeakGuard, leak_free};

/// What a test needs a system of its own for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Need {
    /// To mount file systems of memory: [`SmallFilesystem`].
    Mounts,
    /// To choose the next process's number: [`spawn_as`].
    ProcessNumbers,
}

impl Need {
    /// What succeeds where the need is met.
    fn probe(self) -> &'static str {
        match self {
            Self::Mounts => "mount -t tmpfs none /mnt",
            Self::ProcessNumbers => "echo 200 >/proc/sys/kernel/ns_last_pid",
        }
    }
}

/// Runs the test `name`, which calls this, once more in a process with user, mount and process
/// namespaces of its own, and there the `body` under the leak oracle.
///
/// Without the right to make any, which root has and mostly everybody else, it says that nothing
/// was tested.
///
/// # Panics
///
/// If the test fails there, or is not called `name`.
pub fn in_namespaces(name: &str, need: Need, body: impl AsyncFnOnce(&LeakGuard)) {
    if env::var_os(INSIDE).is_some_and(|inside| inside == name) {
        let reached = Path::new(&env::var_os(REACHED).expect("it is set beside")).to_owned();
        leak_free(body);
        std::fs::write(reached, "").expect("the directory is writable");
        return;
    }
    leak_free(async |guard| {
        let ways: [&[&str]; 2] = [&["--user", "--map-root-user"], &[]];
        let mut found = None;
        let mut why = "there is no unshare".to_owned();
        for way in ways {
            let probe = unshare(guard, way).args(["sh", "-c", need.probe()]).output().await;
            match probe {
                Ok(output) if output.status.success() => {
                    found = Some(way);
                    break;
                }
                Ok(output) => why = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                Err(error) => why = error.to_string(),
            }
        }
        let Some(way) = found else {
            crate::not_tested(name, format!("no namespaces of its own: {why}"));
            return;
        };
        again(guard, way, name).await;
    });
}

async fn again(guard: &LeakGuard, way: &[&str], name: &str) {
    /// More than any of these tests waits for its own events.
    const LIMIT: Duration = Duration::from_secs(120);
    let reached = guard.scratch().join("reached");
    let test = env::current_exe().expect("the system tells a process its program");
    let mut command = unshare(guard, way);
    // The first process of a namespace inherits orphans: a shell reaps them while it waits.
    command.args(["sh", "-c", r#""$0" "$@"; exit $?"#]).arg(test);
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    // What is mounted there goes with the namespace, and what lies below it with the guard.
    command.env("TMPDIR", guard.scratch()).env(INSIDE, name).env(REACHED, &reached);
    let ran = tokio::time::timeout(LIMIT, command.output()).await;
    let output = ran.expect("it ends within two minutes").expect("unshare ran before");
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    let words = [stdout, stderr].map(|words| String::from_utf8_lossy(words));
    assert!(output.status.success(), "{}:\n{}", output.status, words.concat());
    assert!(reached.exists(), "{name} is not the test's name:\n{}", words.concat());
}

fn unshare(guard: &LeakGuard, way: &[&str]) -> Command {
    let mut command = guard.command("unshare");
    // Whoever ends unshare ends all of the namespace.
    command.args(way).args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.kill_on_drop(true);
    command
}

/// A file system of memory, for a test [in namespaces](in_namespaces).
#[derive(Debug)]
pub struct SmallFilesystem {
    path: std::path::PathBuf,
}

impl SmallFilesystem {
    /// Mounts one with `options` in the guard's scratch directory.
    ///
    /// # Panics
    ///
    /// If that is not possible.
    pub async fn mount(guard: &LeakGuard, name: &str, options: &str) -> Self {
        let path = guard.scratch().join(name);
        std::fs::create_dir(&path).expect("the directory is writable");
        let mut command = guard.command("mount");
        command.args(["-t", "tmpfs", "-o", options, "none"]).arg(&path);
        let output = command.output().await.expect("there is a mount command");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until nothing is in it, and unmounts it.
    ///
    /// # Panics
    ///
    /// If something is after two seconds, or is open.
    pub async fn unmount(self, guard: &LeakGuard) {
        let left = || std::fs::read_dir(&self.path).expect("it is mounted").next();
        let emptied = async {
            while left().is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let emptied = tokio::time::timeout(Duration::from_secs(2), emptied).await;
        assert!(emptied.is_ok(), "{:?}", left());
        let output = guard.command("umount").arg(&self.path).output().await;
        let output = output.expect("there is an umount command");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Starts a process under a `number` that is free, or becomes so, for a test
/// [in namespaces](in_namespaces). It is killed when it is dropped.
///
/// # Panics
///
/// If processes or their numbers cannot be had, or if the number is still taken after ten seconds.
pub async fn spawn_as(number: u32, command: impl Fn() -> Command) -> Child {
    let taken = async {
        loop {
            // The next process gets the next number that is free; a thread may be faster.
            let last = (number - 1).to_string();
            std::fs::write("/proc/sys/kernel/ns_last_pid", last).expect("the probe wrote it too");
            let mut child = command().kill_on_drop(true).spawn().expect("the program exists");
            if child.id() == Some(number) {
                return child;
            }
            child.kill().await.expect("it is our child");
        }
    };
    let taken = tokio::time::timeout(Duration::from_secs(10), taken).await;
    taken.expect("the number is free within ten seconds")
}

/// Set to the test's name in the namespaces.
const INSIDE: &str = "RPCPLUGIN_TESTS_INSIDE";
/// The file that tells that the test was run.
const REACHED: &str = "RPCPLUGIN_TESTS_REACHED";
