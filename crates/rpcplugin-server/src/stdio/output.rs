use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use rpcplugin_core::limits;
use rpcplugin_proto::plugin::stdio_data::Channel;
use tokio::sync::Notify;

use super::ring::Ring;

/// Both channels of captured output, between their writers and the one consumer.
#[derive(Debug)]
pub(crate) struct Output {
    rings: Mutex<Rings>,
    /// Something was written, or the end came.
    changed: Notify,
    /// Bytes were lost for the first time since somebody looked.
    lossy: Notify,
    consumed: AtomicBool,
    /// Lost bytes that a warning told of.
    told: AtomicU64,
}

#[derive(Debug)]
struct Rings {
    stdout: Ring,
    stderr: Ring,
    /// Whether the last chunk was one of stdout: a flood of one channel must not starve the other.
    stdout_last: bool,
    closed: bool,
}

impl Output {
    /// Time between two warnings of lost output.
    const QUIET: Duration = Duration::from_secs(60);

    /// Appends to a channel. Never waits; callable from any thread.
    pub(super) fn write(&self, channel: Channel, data: &[u8]) {
        let mut rings = self.rings();
        let ring = match channel {
            Channel::Stderr => &mut rings.stderr,
            Channel::Stdout | Channel::Invalid => &mut rings.stdout,
        };
        let before = ring.dropped();
        ring.push(data);
        let lost = ring.dropped() > before;
        drop(rings);
        self.changed.notify_one();
        if lost {
            self.lossy.notify_one();
        }
    }

    /// Appends what was captured on descriptor 1.
    #[cfg(any(unix, test))]
    pub(crate) fn captured(&self, data: &[u8]) {
        self.write(Channel::Stdout, data);
    }

    /// Sets the size of each channel's ring.
    pub(crate) fn resize(&self, capacity: usize) {
        let mut rings = self.rings();
        rings.stdout.resize(capacity);
        rings.stderr.resize(capacity);
    }

    /// Lets the consumer end once it has everything.
    pub(crate) fn close(&self) {
        self.rings().closed = true;
        self.changed.notify_one();
    }

    /// Undoes [`close`](Self::close) for another server in this process.
    pub(crate) fn open(&self) {
        self.rings().closed = false;
    }

    /// Makes the caller the consumer, unless there is one already.
    pub(super) fn consume(&self) -> bool {
        !self.consumed.swap(true, Ordering::SeqCst)
    }

    /// Makes room for another consumer.
    pub(super) fn release(&self) {
        self.consumed.store(false, Ordering::SeqCst);
    }

    /// The next chunk; `None` after the last. Cancel-safe.
    pub(super) async fn next(&self) -> Option<(Channel, Bytes)> {
        loop {
            let changed = self.changed.notified();
            {
                let mut rings = self.rings();
                if let Some(chunk) = rings.chunk() {
                    return Some(chunk);
                }
                if rings.closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Warns of lost output, at most once a minute. Runs until it is dropped.
    ///
    /// Not done where the bytes are lost: the thread that captures must not write logs, which
    /// may themselves go to descriptor 1.
    pub(crate) async fn report_losses(&self) {
        loop {
            self.lossy.notified().await;
            self.tell_losses();
            tokio::time::sleep(Self::QUIET).await;
        }
    }

    /// Warns of what was lost since the last warning, if anything was.
    pub(crate) fn tell_losses(&self) {
        let total = self.dropped();
        let bytes = total.saturating_sub(self.told.swap(total, Ordering::SeqCst));
        if bytes > 0 {
            tracing::warn!(
                bytes,
                total,
                "the host reads the plugin's output too slowly or not at all; the oldest was dropped"
            );
        }
    }

    /// How many bytes were lost so far, on both channels.
    pub(crate) fn dropped(&self) -> u64 {
        let rings = self.rings();
        rings.stdout.dropped() + rings.stderr.dropped()
    }

    fn rings(&self) -> MutexGuard<'_, Rings> {
        // No code that can panic runs under the lock.
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rings {
    /// The next chunk, of the two channels in turn as long as both have one.
    fn chunk(&mut self) -> Option<(Channel, Bytes)> {
        let of_stdout = |ring: &mut Ring| ring.chunk().map(|chunk| (Channel::Stdout, chunk));
        let of_stderr = |ring: &mut Ring| ring.chunk().map(|chunk| (Channel::Stderr, chunk));
        let chunk = if self.stdout_last {
            of_stderr(&mut self.stderr).or_else(|| of_stdout(&mut self.stdout))
        } else {
            of_stdout(&mut self.stdout).or_else(|| of_stderr(&mut self.stderr))
        }?;
        self.stdout_last = chunk.0 == Channel::Stdout;
        Some(chunk)
    }
}

impl Default for Output {
    fn default() -> Self {
        let ring = || Ring::new(limits::STDIO_BUFFER);
        Self {
            rings: Mutex::new(Rings {
                stdout: ring(),
                stderr: ring(),
                stdout_last: false,
                closed: false,
            }),
            changed: Notify::new(),
            lossy: Notify::new(),
            consumed: AtomicBool::new(false),
            told: AtomicU64::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn g6_a_flood_of_stdout_does_not_starve_stderr() {
        let output = Output::default();
        output.captured(&[b'o'; 10 * limits::STDIO_CHUNK]);
        output.write(Channel::Stderr, &[b'e'; 2 * limits::STDIO_CHUNK]);
        let mut channels = Vec::new();
        for _ in 0..6 {
            // The flood goes on while the host reads.
            output.captured(&[b'o'; 2 * limits::STDIO_CHUNK]);
            channels.push(output.next().await.unwrap().0);
        }
        use Channel::{Stderr as E, Stdout as O};
        assert_eq!(channels, [O, E, O, E, O, O]);
    }
}
