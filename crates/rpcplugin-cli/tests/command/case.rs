use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rpcplugin_tests::leak::LeakGuard;
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
    test(&case);
    case.guard.check_blocking();
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

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(crate) struct Done {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}
