use std::{
    future::Future as _,
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use rpcplugin_core::limits;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, ReadBuf},
    process::{ChildStderr, ChildStdout},
};
use tokio_util::sync::CancellationToken;

/// Read from a pipe at a time.
const CHUNK: usize = 16 * 1024;

/// The reading end of a pipe that a plugin writes to.
pub(crate) trait Pipe: AsyncRead + Send + Unpin + 'static {
    /// Reads what is in the pipe now, past the runtime's view of it, which may be late.
    /// `WouldBlock` if it is empty.
    fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

#[cfg(unix)]
impl<T: AsyncRead + Send + Unpin + std::os::fd::AsFd + 'static> Pipe for T {
    fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Tokio made the descriptor non-blocking.
        Ok(rustix::io::read(self, buffer)?)
    }
}

/// Windows cannot tell; what has not been read by now is lost.
#[cfg(windows)]
impl<T: AsyncRead + Send + Unpin + 'static> Pipe for T {
    fn read_now(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Either stream of a process.
pub(crate) enum ProcessPipe {
    Stdout(ChildStdout),
    Stderr(ChildStderr),
}

impl AsyncRead for ProcessPipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Stdout(pipe) => Pin::new(pipe).poll_read(cx, buffer),
            Self::Stderr(pipe) => Pin::new(pipe).poll_read(cx, buffer),
        }
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for ProcessPipe {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Self::Stdout(pipe) => pipe.as_fd(),
            Self::Stderr(pipe) => pipe.as_fd(),
        }
    }
}

/// Reads until the pipe ends, or the process has `ended` and the pipe is empty, and gives each
/// piece to `take`.
pub(super) async fn read_all(
    pipe: &mut impl Pipe,
    ended: &CancellationToken,
    mut take: impl FnMut(&[u8]),
) {
    let mut buffer = vec![0; CHUNK];
    let mut pace = Pace::default();
    let mut end = pin!(ended.cancelled());
    while !ended.is_cancelled() {
        let read = {
            let mut read = pin!(pipe.read(&mut buffer));
            std::future::poll_fn(|context| match read.as_mut().poll(context) {
                Poll::Ready(read) => Poll::Ready(Some(read)),
                Poll::Pending => end.as_mut().poll(context).map(|()| None),
            })
            .await
        };
        match read {
            Some(Ok(0)) => return,
            Some(Ok(length)) => {
                take(&buffer[..length]);
                if let Some(pause) = pace.after(length, Instant::now()) {
                    let _ = tokio::time::timeout(pause, end.as_mut()).await;
                }
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Some(Err(_)) => return,
            None => break,
        }
    }
    read_rest(pipe, &mut buffer, take).await;
}

/// Reads what a process left in its pipe. Others may go on writing, so there is a limit in time.
async fn read_rest(pipe: &mut impl Pipe, buffer: &mut [u8], mut take: impl FnMut(&[u8])) {
    let started = Instant::now();
    while started.elapsed() < limits::PIPE_DRAIN {
        match pipe.read_now(buffer) {
            Ok(0) => return,
            Ok(length) => take(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
        tokio::task::yield_now().await;
    }
}

/// Keeps a flood from costing the host a processor: beyond 100 MiB in a second the plugin has to
/// wait, for a few milliseconds at a time.
#[derive(Default)]
struct Pace {
    window: Option<Instant>,
    read: usize,
}

impl Pace {
    const WINDOW: Duration = Duration::from_millis(10);
    const MOST: usize = 1024 * 1024;

    /// How long to pause after so many bytes more.
    fn after(&mut self, length: usize, now: Instant) -> Option<Duration> {
        let since = *self.window.get_or_insert(now);
        self.read += length;
        let left = Self::WINDOW.checked_sub(now.duration_since(since));
        if self.read < Self::MOST && left.is_some() {
            return None;
        }
        let pause = left.filter(|_| self.read >= Self::MOST);
        *self = Self::default();
        pause
    }
}
