use std::{path::Path, time::Duration};

use rpcplugin_client::{Builder, Client, CrashReport, Error, MagicCookie, Tls};
use tempfile::TempDir;
use tokio::process::Command;

pub(crate) const COOKIE: MagicCookie = MagicCookie::new("FAILING_COOKIE", "s3cret-value");

/// Longer than any test may take, so that one that hangs says so.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// One start, and the directory in which everything of it lies.
pub(crate) struct Case {
    base: TempDir,
    command: Command,
    builder: Builder,
}

impl Case {
    /// A plugin that is this shell script, and a host that speaks plaintext with it.
    pub(crate) fn script(script: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Self::command(command)
    }

    pub(crate) fn command(command: Command) -> Self {
        let base = tempfile::tempdir().expect("a directory for temporary files");
        let builder = Client::builder(COOKIE).tls(Tls::Plaintext).unix_socket_dir(base.path());
        Self { base, command, builder }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(Builder) -> Builder) -> Self {
        self.builder = change(self.builder);
        self
    }

    /// Starts it, expects an error, and that nothing is left when the error is there.
    #[track_caller]
    pub(crate) fn fails(self) -> impl Future<Output = Error> {
        let Self { base, command, builder } = self;
        async move {
            let started = tokio::time::timeout(BOUND, builder.spawn(command)).await;
            let error = started.expect("the start did not end").expect_err("the start succeeded");
            assert_clean(base.path(), error.report());
            assert!(!format!("{error:?} {}", error.to_json()).contains("s3cret-value"));
            error
        }
    }

    /// As [`Case::fails`], with this code.
    pub(crate) async fn fails_with(self, code: &str) -> Error {
        let error = self.fails().await;
        assert_eq!(error.code(), code, "{error}\n{:?}", error.report());
        error
    }

    /// For tests that start it by themselves.
    pub(crate) fn into_parts(self) -> (TempDir, Builder, Command) {
        (self.base, self.builder, self.command)
    }
}

/// No directory, and no process.
fn assert_clean(base: &Path, report: Option<&CrashReport>) {
    assert_eq!(entries(base), Vec::<String>::new(), "something is left in the base directory");
    if let Some(pid) = report.and_then(|report| report.pid) {
        assert!(!exists(pid), "process {pid} is left");
    }
}

pub(crate) fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the base directory is the test's own");
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Whether a process or a zombie has this id.
pub(crate) fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::test_kill_process(pid.expect("a process id")).is_ok()
}

/// The report that every failure after the launch carries.
pub(crate) fn report(error: &Error) -> &CrashReport {
    error.report().expect("a process was started")
}
