use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rpcplugin_proto::plugin::stdio_data::Channel;
use tokio::io::AsyncWrite;

/// Writes to the second half of the stdio stream, not to descriptor 2.
///
/// Never blocks and never fails: the ring drops its oldest bytes when the host does not read.
///
/// # Example
///
/// ```
/// use std::io::Write as _;
///
/// writeln!(rpcplugin_server::stdio::stderr(), "progress: 50 %")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn stderr() -> Stderr {
    Stderr { _private: () }
}

/// The writer that [`stderr`] gives.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stderr {
    _private: (),
}

impl io::Write for Stderr {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        super::of_process().write(Channel::Stderr, data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncWrite for Stderr {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Write::write(&mut *self, data))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
