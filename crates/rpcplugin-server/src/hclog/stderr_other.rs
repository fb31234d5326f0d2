use std::io::{self, Write as _};

use super::sink::Device;

/// Standard error, which may block here, so that only the queue's thread writes to it.
pub(super) struct RawStderr(());

thread_local! {
    static MAY_BLOCK: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl RawStderr {
    pub(super) fn open() -> Self {
        Self(())
    }
}

impl Device for RawStderr {
    fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        if MAY_BLOCK.get() {
            io::stderr().write(data)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn wait(&self) -> io::Result<()> {
        // Only the queue's thread waits.
        MAY_BLOCK.set(true);
        Ok(())
    }
}
