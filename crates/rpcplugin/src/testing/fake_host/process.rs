use std::time::{Duration, Instant};

use rpcplugin_core::{ExitStatus, limits};
use rpcplugin_transport::PrivateDir;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, ChildStdout},
    task::JoinHandle,
    time::timeout,
};

/// A plugin's process. Dropping it kills the group, reaps the process and removes its directory.
pub(super) struct Process {
    child: Child,
    pid: u32,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Stderr,
    _directory: PrivateDir,
}

/// What the plugin says on descriptor 2.
enum Stderr {
    Unread(Option<ChildStderr>),
    Reading(JoinHandle<Vec<u8>>),
}

/// Most that is kept of a plugin's stderr.
const KEPT: u64 = 64 * 1024;

impl Process {
    pub(super) fn new(mut child: Child, directory: PrivateDir) -> Self {
        let stdout = child.stdout.take().map(BufReader::new);
        let stderr = Stderr::Unread(child.stderr.take());
        // Asked at once, it has not been reaped.
        let pid = child.id().unwrap_or_default();
        Self { child, pid, stdout, stderr, _directory: directory }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The first line on stdout, if one comes in time.
    pub(super) async fn line(&mut self, limit: Duration) -> Option<String> {
        let mut line = Vec::new();
        let mut stdout = self.stdout.as_mut()?.take(limits::HANDSHAKE_LINE as u64);
        timeout(limit, stdout.read_until(b'\n', &mut line)).await.ok()?.ok()?;
        let line = line.strip_suffix(b"\n")?;
        Some(String::from_utf8_lossy(line).into_owned())
    }

    /// Reads both streams from now on.
    pub(super) fn drain(&mut self) {
        if let Some(stdout) = self.stdout.take() {
            tokio::spawn(read(stdout));
        }
        if let Stderr::Unread(stderr) = &mut self.stderr
            && let Some(stderr) = stderr.take()
        {
            self.stderr = Stderr::Reading(tokio::spawn(read(stderr)));
        }
    }

    /// Closes stdin, waits for the process to end, and kills it if it does not. Tells how it
    /// ended, and whether it did so by itself.
    pub(super) async fn end(&mut self, limit: Duration) -> (Option<ExitStatus>, bool) {
        // `wait` closes stdin, which is what the plugin would see of its host's death.
        if let Ok(status) = timeout(limit, self.child.wait()).await {
            return (status.ok().map(ExitStatus::from), true);
        }
        self.kill_group();
        let status = timeout(limits::REAP, self.child.wait()).await;
        (status.ok().and_then(Result::ok).map(ExitStatus::from), false)
    }

    /// What was said on stderr, once the process has ended. A descendant may hold the pipe open,
    /// so this waits a moment and no longer.
    pub(super) async fn stderr(&mut self) -> String {
        self.drain();
        let Stderr::Reading(reading) = &mut self.stderr else { return String::new() };
        let read = timeout(limits::PIPE_DRAIN * 4, reading).await;
        String::from_utf8_lossy(&read.ok().and_then(Result::ok).unwrap_or_default()).into_owned()
    }

    fn kill_group(&mut self) {
        // Until it is reaped its number is its own, and so is that of its group.
        if let Some(group) = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
        let deadline = Instant::now() + limits::REAP;
        // Killed, it ends within moments. Tokio reaps what does not.
        while let Ok(None) = self.child.try_wait()
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Stderr::Reading(reading) = &self.stderr {
            reading.abort();
        }
    }
}

/// Reads to the end, and keeps the beginning.
async fn read(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let _ = (&mut stream).take(KEPT).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    kept
}
