use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use rpcplugin_tests::leak::LeakGuard;
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::Pid,
};
use serde_json::Value;

/// A test with a directory of its own, in which the command runs.
pub(crate) struct Case {
    guard: LeakGuard,
    directory: PathBuf,
}

/// Runs a test under the oracle.
pub(crate) fn case(test: impl FnOnce(&Case)) {
    let guard = LeakGuard::new();
    let directory = guard.scratch().to_owned();
    let case = Case { guard, directory };
    let watch = Watch::begin();
    test(&case);
    drop(watch);
    case.guard.check_blocking();
}

/// Ends all tests with a message if one of them waits for ever: for output, for a pipe, for an end.
struct Watch(Option<(Sender<()>, thread::JoinHandle<()>)>);

impl Watch {
    /// For longer than any of them takes on a machine that is busy with other things.
    const LIMIT: Duration = Duration::from_secs(300);

    fn begin() -> Self {
        let (running, over) = channel();
        let test = thread::current().name().unwrap_or_default().to_owned();
        let thread = thread::spawn(move || {
            if over.recv_timeout(Self::LIMIT) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{test} waits for something that does not come");
                std::process::abort();
            }
        });
        Self(Some((running, thread)))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The end of the sender is the news, and the thread would be a leak.
        if let Some((running, thread)) = self.0.take() {
            drop(running);
            let _ = thread.join();
        }
    }
}

impl Case {
    /// The command with nothing in its environment that the test does not set.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let marked = self.guard.command(env!("CARGO_BIN_EXE_rpcplugin"));
        let mut command = Command::new(marked.as_std().get_program());
        command.env_clear();
        for (name, value) in marked.as_std().get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        // What it left there would be a leak.
        command.env("TMPDIR", self.guard.base()).env("LANG", "C.UTF-8");
        command.args(arguments.split_whitespace()).current_dir(&self.directory);
        command.stdin(Stdio::null());
        command
    }

    /// A command that starts plugins, with the mark by which what they leave behind is found.
    pub(crate) fn launching(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("");
        command.args(arguments).env("PLUGIN_ENV_ALLOW", "LEAK_GUARD_CASE");
        command
    }

    /// Runs a command that starts plugins, and expects this exit code.
    #[track_caller]
    pub(crate) fn launch(&self, arguments: &[&str], code: i32) -> Done {
        self.finish(self.launching(arguments), code)
    }

    /// A program that is none of the command's, with the same mark.
    pub(crate) fn foreign(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.guard.command(program).into_std();
        command.args(arguments).env("TMPDIR", self.guard.base()).current_dir(&self.directory);
        command
    }

    /// A named pipe in the directory.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        path
    }

    /// Runs the command, and expects this exit code.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &str, code: i32) -> Done {
        self.finish(self.command(arguments), code)
    }

    #[track_caller]
    pub(crate) fn finish(&self, mut command: Command, code: i32) -> Done {
        let output = command.output().unwrap();
        let done = Done {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert_eq!(output.status.code(), Some(code), "{command:?}\n{}{}", done.stdout, done.stderr);
        done
    }

    /// The result of a command that was asked for JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &str, code: i32) -> Value {
        let done = self.run(&format!("{arguments} --json"), code);
        assert_eq!(done.stderr, "");
        serde_json::from_str(&done.stdout).unwrap()
    }

    /// The error of a command that was asked for JSON.
    #[track_caller]
    pub(crate) fn json_error(&self, arguments: &str, code: i32) -> Value {
        let done = self.run(&format!("{arguments} --json"), code);
        assert_eq!(done.stdout, "");
        let mut error: Value = serde_json::from_str(&done.stderr).unwrap();
        error["error"].take()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    #[track_caller]
    pub(crate) fn mode(&self, name: &str) -> u32 {
        mode(&self.path(name))
    }

    pub(crate) fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// What the plugins of the workspace's tests look for.
pub(crate) const COOKIE: &str = "RPCPLUGIN_TESTS_COOKIE=6d2f1c";

/// The plugin of a command that runs one.
#[track_caller]
pub(crate) fn only_child(command: &Child) -> Pid {
    let tasks = fs::read_dir(format!("/proc/{}/task", command.id())).unwrap();
    let children: String = tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default())
        .collect();
    let mut children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    let only = children.next().expect("it has started one");
    assert_eq!(children.next(), None);
    Pid::from_raw(only).unwrap()
}

/// A program of the workspace's tests or examples.
pub(crate) fn program(name: &str) -> String {
    let path = rpcplugin_tests::host::program(name);
    // Cargo builds them with the whole workspace, and not for this package's tests alone.
    assert!(path.exists(), "{name} is not built: cargo build --workspace --bins");
    path.into_os_string().into_string().unwrap()
}

/// The same command, which signals reach as they do from a terminal: whoever runs the tests in the
/// background has SIGINT ignored, and under nohup SIGHUP, and that is inherited.
pub(crate) fn with_default_signals(plain: &Command) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,TERM").arg(plain.get_program()).args(plain.get_args());
    command.env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = plain.get_current_dir() {
        command.current_dir(directory);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(crate) struct Done {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}
