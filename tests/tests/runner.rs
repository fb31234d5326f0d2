//! Plugins that do not just run as a process: F-LIFE-16.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use rpcplugin::{
    client::{
        AddressMap, ExitStatus, HostProcess, Limits, MappedDir, ProcessRunner, ReachedLimit,
        Runner, RunnerLaunch, RunnerProcess, ShutdownOutcome,
    },
    core::{Address, Error, HandshakeError},
};
use rpcplugin_tests::{
    host::{evil_plugin, gone, host, probe, refusal, signal, test_plugin},
    leak::leak_free,
};
use rustix::process::Signal;
use tokio::{
    io::AsyncRead,
    process::{Child, Command},
};

const LINE: &str = "1|{version}|{network}|{address}|grpc|{cert}";

/// Shows the plugin its private directory at another path.
#[derive(Clone, Debug)]
struct Elsewhere {
    there: PathBuf,
    how: How,
    translate: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum How {
    /// Through a link.
    Link,
    /// Through a mount that nobody else sees.
    Mount,
}

impl Elsewhere {
    fn new(there: PathBuf, how: How) -> Self {
        Self { there, how, translate: true }
    }
}

impl Runner for Elsewhere {
    fn start(
        &self,
        mut launch: RunnerLaunch,
    ) -> BoxFuture<'static, Result<Box<dyn RunnerProcess>, Error>> {
        let this = self.clone();
        Box::pin(async move {
            let here = launch.socket_dir().unwrap().to_owned();
            launch.map_socket_dir(&this.there);
            match this.how {
                How::Link => symlink(&here, &this.there).unwrap(),
                How::Mount => {
                    let mut command = Command::new("unshare");
                    command.args(["--mount", "sh", "-c"]);
                    command.arg(r#"mount --bind "$0" "$1" && shift && exec "$@""#);
                    command.args([&here, &this.there]);
                    command.arg(launch.command().as_std().get_program());
                    command.args(launch.command().as_std().get_args());
                    launch.replace_command(command);
                }
            }
            let process = ProcessRunner::default().run(launch).await?;
            let map = MappedDir::new(here, &this.there);
            let map = this.translate.then(|| Arc::new(map) as Arc<dyn AddressMap>);
            Ok(Box::new(There { process, map }) as Box<dyn RunnerProcess>)
        })
    }
}

struct There {
    process: HostProcess,
    map: Option<Arc<dyn AddressMap>>,
}

impl RunnerProcess for There {
    fn id(&self) -> String {
        self.process.id()
    }

    fn name(&self) -> String {
        "elsewhere".to_owned()
    }

    fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    fn take_stdout(&mut self) -> Option<Box<dyn AsyncRead + Send + Unpin>> {
        self.process.take_stdout()
    }

    fn take_stderr(&mut self) -> Option<Box<dyn AsyncRead + Send + Unpin>> {
        self.process.take_stderr()
    }

    fn wait(&mut self) -> BoxFuture<'_, ExitStatus> {
        self.process.wait()
    }

    fn terminate(&mut self) {
        self.process.terminate();
    }

    fn kill(&mut self) {
        self.process.kill();
    }

    fn diagnose(&mut self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async { Some("it was elsewhere".to_owned()) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::new(self.process).finish()
    }

    fn addresses(&self) -> Option<Arc<dyn AddressMap>> {
        self.map.clone()
    }
}

fn path(address: &Address) -> &Path {
    let Address::Unix(path) = address else { panic!("{address}") };
    path
}

#[test]
fn the_runner_for_processes_does_what_is_done_without_one() {
    leak_free(async |guard| {
        let builder = host(guard).runner(ProcessRunner::default());
        let client = builder.clone().spawn(test_plugin(guard)).await.unwrap();
        assert_eq!(probe(&client).echo(vec![7]).await.unwrap().into_inner(), [7]);
        assert_ne!(client.pid(), 0);
        let report = client.shutdown().await.unwrap();
        assert_eq!(report.outcome, ShutdownOutcome::Graceful);
        assert_eq!(report.status, Some(ExitStatus::Code(0)));

        let client = builder.clone().spawn(test_plugin(guard)).await.unwrap();
        signal(client.pid(), Signal::KILL);
        assert_eq!(client.exited().await.status.unwrap().signal(), Some(9));

        // Its use of the system and its limits are in the report.
        let words = ["listen", "unix", "serve", "silence-tls", "line", LINE, "spin", "1", "hang"];
        let limited = builder.clone().limit_cpu_time(Duration::from_secs(1));
        let client = limited.spawn(evil_plugin(guard, words)).await.unwrap();
        let report = client.exited().await;
        assert_eq!(report.limit, Some(ReachedLimit::CpuTime(Duration::from_secs(1))), "{report}");
        assert!(report.peak.cpu_time.is_some(), "{report}");

        let dropped = builder.clone().spawn(test_plugin(guard)).await.unwrap();
        let pid = dropped.pid();
        drop(dropped);
        gone(pid).await;

        let error = refusal(builder, guard.command("/no/such/plugin")).await;
        assert_eq!(error.code(), "HANDSHAKE_SPAWN_NOT_FOUND");
    });
}

#[test]
fn addresses_are_translated_and_then_judged() {
    leak_free(async |guard| {
        let there = |name: &str| guard.scratch().join(name);
        let runner = Elsewhere::new(there("link"), How::Link);
        let client = host(guard).runner(runner).spawn(test_plugin(guard)).await.unwrap();
        assert!(path(client.address()).starts_with(guard.base()), "{}", client.address());
        probe(&client).echo(vec![]).await.unwrap();
        client.shutdown().await.unwrap();

        // The same plugin is refused by its own word, and the runner has its say in the report.
        let runner = Elsewhere { translate: false, ..Elsewhere::new(there("plain"), How::Link) };
        let words = ["listen", "unix", "line", LINE, "hang"];
        let error = refusal(host(guard).runner(runner), evil_plugin(guard, words)).await;
        assert_eq!(error.code(), "SECURITY_ADDRESS_FORBIDDEN");
        let said = &error.report().unwrap().stderr;
        assert!(said.last().is_some_and(|line| line.ends_with("it was elsewhere")), "{said:?}");

        // What has no place here is not dialled, whatever is translated.
        let runner = Elsewhere::new(there("outside"), How::Link);
        let words = ["line", "1|1|unix|/run/docker.sock|grpc|", "hang"];
        let error = refusal(host(guard).runner(runner), evil_plugin(guard, words)).await;
        assert_eq!(error.code(), "SECURITY_ADDRESS_FORBIDDEN");
    });
}

#[test]
fn a_plugin_behind_a_mount_of_its_own_is_reached_by_translation() {
    let allowed = std::process::Command::new("unshare").args(["--mount", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        rpcplugin_tests::not_tested(
            "a plugin behind a mount of its own",
            "`unshare --mount` is not allowed",
        );
        return;
    }
    leak_free(async |guard| {
        let there = guard.scratch().join("mounted");
        std::fs::create_dir(&there).unwrap();
        let runner = Elsewhere::new(there.clone(), How::Mount);
        let client = host(guard).runner(runner).spawn(test_plugin(guard)).await.unwrap();
        assert!(path(client.address()).starts_with(guard.base()));
        assert!(std::fs::read_dir(&there).unwrap().next().is_none(), "it is there for it alone");
        probe(&client).echo(vec![]).await.unwrap();
        client.shutdown().await.unwrap();
    });
}

/// A runner with nothing of the library: it has no process id to tell.
#[derive(Clone, Copy, Debug)]
struct Strange {
    finishes: bool,
}

struct Stranger(Child, Strange);

impl Runner for Strange {
    fn start(
        &self,
        launch: RunnerLaunch,
    ) -> BoxFuture<'static, Result<Box<dyn RunnerProcess>, Error>> {
        let this = *self;
        Box::pin(async move {
            let mut command = Command::new(launch.command().as_std().get_program());
            command.args(launch.command().as_std().get_args());
            command.env_clear().envs(launch.environment().iter().cloned()).kill_on_drop(true);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = command.spawn().map_err(|source| HandshakeError::SpawnFailed {
                path: launch.command().as_std().get_program().into(),
                source,
            })?;
            Ok(Box::new(Stranger(child, this)) as Box<dyn RunnerProcess>)
        })
    }
}

impl RunnerProcess for Stranger {
    fn id(&self) -> String {
        "stranger-1".to_owned()
    }

    fn name(&self) -> String {
        "stranger".to_owned()
    }

    fn pid(&self) -> Option<u32> {
        None
    }

    fn take_stdout(&mut self) -> Option<Box<dyn AsyncRead + Send + Unpin>> {
        Some(Box::new(self.0.stdout.take()?))
    }

    fn take_stderr(&mut self) -> Option<Box<dyn AsyncRead + Send + Unpin>> {
        Some(Box::new(self.0.stderr.take()?))
    }

    fn wait(&mut self) -> BoxFuture<'_, ExitStatus> {
        Box::pin(async {
            let status = self.0.wait().await.unwrap();
            status.code().map_or(ExitStatus::Unknown, ExitStatus::Code)
        })
    }

    fn kill(&mut self) {
        let _ = self.0.start_kill();
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let _ = tokio::time::timeout(Duration::from_secs(1), self.0.wait()).await;
            if !self.1.finishes {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[test]
fn a_runner_may_do_everything_by_itself() {
    leak_free(async |guard| {
        let builder =
            host(guard).runner(Strange { finishes: true }).stdin(rpcplugin::client::Stdin::Null);
        let client = builder.clone().spawn(test_plugin(guard)).await.unwrap();
        assert_eq!(client.pid(), 0, "it did not say");
        probe(&client).echo(vec![]).await.unwrap();
        let report = client.shutdown().await.unwrap();
        assert_eq!(report.outcome, ShutdownOutcome::Graceful);
        assert_eq!(report.status, Some(ExitStatus::Code(0)));

        let dropped = builder.clone().spawn(test_plugin(guard)).await.unwrap();
        drop(dropped);

        let limits = Limits::new().open_files(100);
        let error = refusal(builder.clone().limits(limits), test_plugin(guard)).await;
        assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED");

        let script = ["-c", "echo last words >&2; exit 7"];
        let mut command = guard.command("sh");
        command.args(script);
        let error = refusal(builder, command).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED");
        assert!(error.to_string().contains("last words"), "{error}");
    });
}

#[test]
fn a_runner_that_does_not_finish_does_not_hold_up_the_end() {
    leak_free(async |guard| {
        let builder = host(guard).runner(Strange { finishes: false });
        let builder = builder.stdin(rpcplugin::client::Stdin::Null);
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        let shutdown = tokio::time::timeout(Duration::from_secs(30), client.shutdown()).await;
        assert_eq!(shutdown.unwrap().unwrap().outcome, ShutdownOutcome::Graceful);
    });
}

#[test]
fn a_start_through_a_runner_may_be_dropped_at_any_point() {
    leak_free(async |guard| {
        for milliseconds in [0, 1, 3, 10, 30, 100] {
            let runner = Elsewhere::new(guard.scratch().join(milliseconds.to_string()), How::Link);
            let start = host(guard).runner(runner).spawn(test_plugin(guard));
            let limit = Duration::from_millis(milliseconds);
            // Whether it got so far does not matter: what was started is killed.
            let _ = tokio::time::timeout(limit, start).await;
        }
    });
}
