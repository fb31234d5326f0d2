use std::{
    ffi::OsString,
    future::Future,
    io,
    path::PathBuf,
    pin::Pin,
    process::Stdio,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use rpcplugin::{
    client::{
        AddressMap, Error, ExitStatus, HostProcess, MappedDir, ProcessRunner, Runner, RunnerLaunch,
        RunnerProcess,
    },
    core::HandshakeError,
};
use serde_json::{Value, json};
use tokio::{io::AsyncRead, process::Command};

/// Runs plugins in containers, with any runtime that takes the commands of `runc`.
#[derive(Clone, Debug)]
pub struct OciRunner {
    runtime: PathBuf,
    rootfs: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl OciRunner {
    /// `runtime` is the program, with variables of its own; `rootfs` is what the container sees as
    /// its root, and holds the plugin and what that needs.
    pub fn new(
        runtime: impl Into<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        rootfs: impl Into<PathBuf>,
    ) -> Self {
        let environment = environment.into_iter().collect();
        Self { runtime: runtime.into(), rootfs: rootfs.into(), environment }
    }
}

/// Where the private directory lies in the container.
const INSIDE: &str = "/rpcplugin";

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runner for OciRunner {
    fn start(
        &self,
        mut launch: RunnerLaunch,
    ) -> Boxed<'static, Result<Box<dyn RunnerProcess>, Error>> {
        let this = self.clone();
        Box::pin(async move {
            let failed =
                |source| HandshakeError::SpawnFailed { path: this.runtime.clone(), source };
            let Some(dir) = launch.socket_dir().map(PathBuf::from) else {
                return Err(failed(io::ErrorKind::Unsupported.into()).into());
            };
            // All that the runtime writes lies beside the sockets, and goes with them.
            let (bundle, state) = (dir.join("bundle"), dir.join("state"));
            launch.map_socket_dir(INSIDE);
            let config = this.config(&mut launch, &dir);
            std::fs::create_dir(&bundle).map_err(failed)?;
            std::fs::write(bundle.join("config.json"), config.to_string()).map_err(failed)?;
            // The directory's random name is the container's, too.
            let name = dir.file_name().unwrap_or_default().to_owned();
            let Self { runtime: program, environment, .. } = this;
            let runtime = Runtime { program, state, name, environment, is_removed: false };
            let mut run = Command::new(&runtime.program);
            run.arg("--root").arg(&runtime.state).args(["run", "--bundle"]).arg(&bundle);
            run.arg(&runtime.name);
            launch.replace_command(run);
            for (name, value) in &runtime.environment {
                launch.set_environment(name, value);
            }
            let process = ProcessRunner::default().run(launch).await?;
            let map = Arc::new(MappedDir::new(dir, INSIDE));
            Ok(Box::new(Container { runtime, process, map }) as Box<dyn RunnerProcess>)
        })
    }
}

impl OciRunner {
    /// The container: the plugin's command and variables, its root, and the private directory.
    fn config(&self, launch: &mut RunnerLaunch, dir: &std::path::Path) -> Value {
        let command = launch.command().as_std();
        let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let words: Vec<_> =
            [command.get_program()].into_iter().chain(command.get_args()).map(text).collect();
        let variables = launch.take_environment();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| format!("{}={}", text(name), text(value)))
            .collect();
        let namespaces = ["pid", "mount", "ipc", "uts", "network"];
        json!({
            "ociVersion": "1.0.0",
            "process": {
                "args": words, "env": variables, "cwd": "/", "user": { "uid": 0, "gid": 0 },
                "noNewPrivileges": true
            },
            // The runtime would look for it below the bundle.
            "root": { "path": std::path::absolute(&self.rootfs).ok(), "readonly": true },
            "mounts": [
                { "destination": "/proc", "type": "proc", "source": "proc" },
                { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" },
                { "destination": INSIDE, "type": "bind", "source": dir, "options": ["bind", "rw"] }
            ],
            "linux": { "namespaces": namespaces.map(|kind| json!({ "type": kind })) }
        })
    }
}

/// How a container is spoken of.
struct Runtime {
    program: PathBuf,
    state: PathBuf,
    name: OsString,
    environment: Vec<(OsString, OsString)>,
    is_removed: bool,
}

/// A plugin in a container. The runtime's own process stands for it: it hands on stdin, output
/// and signals, and ends as the plugin does.
struct Container {
    process: HostProcess,
    // After the process that it may have to remove the container of.
    runtime: Runtime,
    map: Arc<MappedDir>,
}

impl RunnerProcess for Container {
    fn id(&self) -> String {
        self.runtime.name.to_string_lossy().into_owned()
    }

    fn name(&self) -> String {
        "container".to_owned()
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

    fn wait(&mut self) -> Boxed<'_, ExitStatus> {
        self.process.wait()
    }

    fn terminate(&mut self) {
        self.process.terminate();
    }

    fn kill(&mut self) {
        self.process.kill();
    }

    fn finish(self: Box<Self>) -> Boxed<'static, ()> {
        let Self { runtime, process, .. } = *self;
        Box::pin(async move {
            Box::new(process).finish().await;
            // The runtime was killed before it could.
            runtime.remove().await;
        })
    }

    fn addresses(&self) -> Option<Arc<dyn AddressMap>> {
        Some(self.map.clone())
    }
}

impl Runtime {
    /// Time for the runtime to remove a container.
    const REMOVAL: Duration = Duration::from_secs(2);

    /// Removes the container, which a runtime that was killed leaves, with its control groups.
    async fn remove(mut self) {
        let mut delete = Command::from(self.delete());
        // One that ended by itself is gone already, and the runtime says so.
        let removal = tokio::time::timeout(Self::REMOVAL, delete.kill_on_drop(true).status());
        self.is_removed = removal.await.is_ok();
    }

    fn delete(&self) -> std::process::Command {
        let mut delete = std::process::Command::new(&self.program);
        delete.arg("--root").arg(&self.state).args(["delete", "--force"]).arg(&self.name);
        delete.envs(self.environment.iter().cloned());
        delete.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        delete
    }
}

impl Drop for Runtime {
    /// The same where nothing can be awaited. What the runtime needs for it lies in the private
    /// directory, which goes next, so it is given its time.
    fn drop(&mut self) {
        if self.is_removed {
            return;
        }
        let mut delete = self.delete();
        let (done, removed) = mpsc::channel::<()>();
        thread::spawn(move || {
            let _done = done;
            let _ = delete.status();
        });
        let _ = removed.recv_timeout(Self::REMOVAL);
    }
}
