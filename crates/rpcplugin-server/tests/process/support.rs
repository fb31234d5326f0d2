use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{OnceLock, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rpcplugin_core::{Address, Handshake};
use rpcplugin_transport::{ChannelOptions, Generation, PluginChannel, TcpConnector, UnixConnector};
use rustix::process::{Pid, Signal, kill_process};

/// A plugin's process, killed when it goes.
pub(crate) struct Plugin {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: mpsc::Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    _dir: tempfile::TempDir,
    dir: PathBuf,
}

/// How a plugin ended.
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: String,
}

impl Plugin {
    /// Starts the plugin with the right cookie, a socket directory and these variables.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &dyn AsRef<OsStr>)]) -> Self {
        Self::start_bare(arguments, |command, dir| {
            command.env("SERVER_TEST_COOKIE", "right").env("PLUGIN_UNIX_SOCKET_DIR", dir);
            for (name, value) in variables {
                command.env(name, value);
            }
        })
    }

    /// Starts it with an environment of the caller's alone.
    pub(crate) fn start_bare(arguments: &[&str], set: impl FnOnce(&mut Command, &Path)) -> Self {
        let mut command = Command::new(executable());
        command.args(arguments);
        Self::launch(command, set)
    }

    /// Starts it with the right cookie below a shell, which ends when its stdin does.
    pub(crate) fn start_below_a_shell() -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "\"$0\" & read end"]).arg(executable());
        Self::launch(shell, |command, dir| {
            command.env("SERVER_TEST_COOKIE", "right").env("PLUGIN_UNIX_SOCKET_DIR", dir);
        })
    }

    /// Starts it with a lifeline in the process group of a shell, which tells on stderr whether
    /// another process of the group is still there when the plugin has ended.
    pub(crate) fn start_in_a_shells_group() -> Self {
        let mut shell = Command::new("sh");
        let script = "sleep 300 >/dev/null 2>&1 & \"$0\"; kill $! && echo survived >&2";
        shell.args(["-c", script]).arg(executable());
        Self::launch(shell, |command, dir| {
            command.env("SERVER_TEST_COOKIE", "right").env("PLUGIN_UNIX_SOCKET_DIR", dir);
            command.env("RPCPLUGIN_LIFELINE", "stdin").env("PATH", "/usr/bin:/bin");
        })
    }

    fn launch(mut command: Command, set: impl FnOnce(&mut Command, &Path)) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().to_owned();
        command.env_clear().env("TMPDIR", &dir).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        set(&mut command, &dir);
        let mut child = command.spawn().unwrap();
        let (send, stdout) = mpsc::channel();
        // A test may have put something else in the place of either.
        if let Some(pipe) = child.stdout.take() {
            let lines = BufReader::new(pipe).lines().map_while(Result::ok);
            std::thread::spawn(move || lines.map(|line| send.send(line)).all(|sent| sent.is_ok()));
        }
        let stderr = child.stderr.take().map(|mut pipe| {
            std::thread::spawn(move || {
                let mut all = Vec::new();
                let _ = pipe.read_to_end(&mut all);
                String::from_utf8_lossy(&all).into_owned()
            })
        });
        let stdin = child.stdin.take();
        Self { child, stdin, stdout, stderr, _dir: temporary, dir }
    }

    /// The first line on stdout.
    pub(crate) fn line(&self) -> String {
        self.stdout.recv_timeout(Duration::from_secs(20)).expect("a handshake line")
    }

    /// Whether stdout comes to its end, and nothing before it.
    pub(crate) fn stdout_ends(&self) -> bool {
        let next = self.stdout.recv_timeout(Duration::from_secs(5));
        next == Err(mpsc::RecvTimeoutError::Disconnected)
    }

    /// The announcement.
    pub(crate) fn handshake(&self) -> Handshake {
        self.line().parse().unwrap()
    }

    /// A channel to the address announced.
    pub(crate) async fn channel(&self) -> PluginChannel {
        let (options, generation) = (ChannelOptions::default(), Generation::new());
        match self.handshake().address {
            Address::Unix(path) => {
                PluginChannel::connect(UnixConnector::new(path), options, generation).await
            }
            Address::Tcp(address) => {
                PluginChannel::connect(TcpConnector::new(address), options, generation).await
            }
            other => panic!("{other}"),
        }
        .unwrap()
    }

    /// The names in the plugin's socket directory.
    pub(crate) fn sockets(&self) -> Vec<PathBuf> {
        std::fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// What the host's death does to the lifeline.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end, at most `limit`.
    pub(crate) fn end_within(mut self, limit: Duration) -> End {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < limit, "still running after {limit:?}");
            std::thread::sleep(Duration::from_millis(5));
        };
        // A shell's background process holds the pipe longer than the shell lives.
        let stderr = self.stderr.take().map(|reader| reader.join().unwrap()).unwrap_or_default();
        assert!(start.elapsed() < limit, "it held stderr for {:?}", start.elapsed());
        assert_eq!(self.sockets(), Vec::<PathBuf>::new(), "left behind");
        End { status, stdout: self.stdout.iter().collect(), stderr }
    }

    /// Waits for the end of a start that fails.
    pub(crate) fn end(self) -> End {
        self.end_within(Duration::from_secs(20))
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    /// A failed start: exit code 1, nothing on stdout, one line with this code on stderr.
    #[track_caller]
    pub(crate) fn refused(&self, code: &str) {
        assert_eq!(self.status.code(), Some(1), "{}", self.stderr);
        assert_eq!(self.stdout, Vec::<String>::new());
        let start = format!("error[{code}]: ");
        let errors: Vec<_> =
            self.stderr.lines().filter(|line| !line.starts_with("{\"@level\":\"warn\"")).collect();
        assert_eq!(errors.len(), 1, "{:?}", self.stderr);
        assert!(errors[0].starts_with(&start) && errors[0].ends_with(')'), "{:?}", self.stderr);
    }
}

/// The plugin's program, built with this test's own features and profile.
fn executable() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "rpcplugin-server", "--example"]);
        cargo.arg("probe-plugin").current_dir(env!("CARGO_MANIFEST_DIR"));
        if !cfg!(feature = "tls") {
            cargo.arg("--no-default-features");
        }
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let profile = std::env::current_exe().unwrap();
        let profile = profile.ancestors().nth(2).unwrap();
        cargo.arg("--target-dir").arg(profile.parent().unwrap());
        assert!(cargo.status().unwrap().success());
        profile.join("examples/probe-plugin")
    })
}
