use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use rpcplugin_core::{CrashReport, ExitStatus};
use tokio::{
    io::{AsyncRead, ReadBuf},
    process::ChildStdin,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{AddressMap, Keep, RunnerProcess};
use crate::{
    ladder::Stoppable,
    life::{Life, Piped},
    output::Pipe,
};

/// A plugin that a runner started, as the rest of a start and of a life knows it.
pub(crate) struct Ran {
    process: Box<dyn RunnerProcess>,
    started: Instant,
    status: Option<ExitStatus>,
    ended: CancellationToken,
    _over: DropGuard,
    // Last, because it goes after the process.
    _keep: Keep,
}

impl Ran {
    pub(crate) fn new(process: Box<dyn RunnerProcess>, keep: Keep) -> Self {
        let ended = CancellationToken::new();
        let _over = ended.clone().drop_guard();
        Self { process, started: Instant::now(), status: None, ended, _over, _keep: keep }
    }
}

impl Stoppable for Ran {
    async fn ended(&mut self) -> ExitStatus {
        if let Some(status) = self.status {
            return status;
        }
        let status = self.process.wait().await;
        self.ended.cancel();
        *self.status.insert(status)
    }

    fn terminate(&mut self) {
        self.process.terminate();
    }

    fn kill(&mut self) {
        self.process.kill();
    }
}

impl Life for Ran {
    fn name(&self) -> String {
        self.process.name()
    }

    fn pid(&self) -> u32 {
        self.process.pid().unwrap_or(0)
    }

    fn started(&self) -> Instant {
        self.started
    }

    fn try_ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            let waiting = self.process.wait();
            let mut context = Context::from_waker(Waker::noop());
            if let Poll::Ready(status) = std::pin::pin!(waiting).poll(&mut context) {
                self.ended.cancel();
                self.status = Some(status);
            }
        }
        self.status
    }

    fn look(&mut self) {
        self.process.look();
    }

    fn conclude(&self, report: &mut CrashReport) {
        self.process.conclude(report);
    }

    async fn diagnose(&mut self) -> Option<String> {
        let words = self.process.diagnose().await?;
        Some(format!("{}: {words}", self.process.id()))
    }

    async fn finish(self) {
        let Self { process, _keep, .. } = self;
        process.finish().await;
    }
}

impl Piped for Ran {
    type Output = Foreign;

    fn id(&self) -> String {
        self.process.id()
    }

    fn owner(&self) -> Option<u32> {
        self.process.pid()
    }

    fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.process.take_stdin()
    }

    fn take_stdout(&mut self) -> Option<Foreign> {
        self.process.take_stdout().map(Foreign)
    }

    fn take_stderr(&mut self) -> Option<Foreign> {
        self.process.take_stderr().map(Foreign)
    }

    fn over(&self) -> CancellationToken {
        self.ended.clone()
    }

    fn addresses(&self) -> Option<Arc<dyn AddressMap>> {
        self.process.addresses()
    }
}

/// A stream of a runner's, of which nothing more is known.
pub(crate) struct Foreign(Box<dyn AsyncRead + Send + Unpin>);

impl AsyncRead for Foreign {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

#[cfg(unix)]
impl Pipe for Foreign {
    fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.0).poll_read(&mut context, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}
