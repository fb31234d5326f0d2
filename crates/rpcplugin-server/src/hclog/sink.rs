use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::stderr::RawStderr;

/// Writes a line to stderr, or queues or drops it. Never waits for stderr.
pub(crate) fn send(line: Vec<u8>) {
    SINK.send(line);
}

/// Waits until the queue is written, but no longer than `limit`: after a panic's lines and before
/// the exit.
pub(crate) fn flush(limit: Duration) {
    SINK.flush(limit);
}

static SINK: LazyLock<Arc<Sink<RawStderr>>> = LazyLock::new(|| Sink::new(RawStderr::open()));

/// Where lines go in the end.
pub(super) trait Device: Send + Sync + 'static {
    /// Writes some of it now, or says `WouldBlock`.
    fn try_write(&self, data: &[u8]) -> io::Result<usize>;
    /// Waits until it may be worth another try.
    fn wait(&self) -> io::Result<()>;
}

/// The queue in front of a device.
struct Sink<D> {
    device: D,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What the device did not take; the front may be the rest of a line.
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    dropped: u64,
    /// A thread works on the queue.
    busy: bool,
    /// The other end is gone for good.
    broken: bool,
}

impl<D: Device> Sink<D> {
    /// Bytes that wait at most.
    const CAPACITY: usize = 1024 * 1024;

    fn new(device: D) -> Arc<Self> {
        Arc::new(Self { device, state: Mutex::default(), changed: Condvar::new() })
    }

    fn send(self: &Arc<Self>, line: Vec<u8>) {
        let mut state = self.state();
        if state.broken {
            state.dropped += 1;
        } else if state.busy {
            self.enqueue(&mut state, line);
        } else if let Some(rest) = self.write_now(&mut state, line) {
            self.enqueue(&mut state, rest);
            state.busy = true;
            let sink = Arc::clone(self);
            let thread = std::thread::Builder::new().name("rpcplugin-log".to_owned());
            if thread.spawn(move || sink.work()).is_err() {
                // No thread to be had: the next line tries again.
                state.busy = false;
            }
        }
    }

    fn enqueue(&self, state: &mut State, line: Vec<u8>) {
        if state.queued + line.len() > Self::CAPACITY {
            state.dropped += 1;
        } else {
            state.queued += line.len();
            state.queue.push_back(line);
        }
    }

    /// Writes what the device takes at once, and gives the rest back.
    fn write_now(&self, state: &mut State, line: Vec<u8>) -> Option<Vec<u8>> {
        // Left over only where no thread could be started.
        while let Some(front) = state.queue.pop_front() {
            state.queued -= front.len();
            if let Some(rest) = self.write_some(state, front) {
                state.queued += rest.len();
                state.queue.push_front(rest);
                return Some(line);
            }
        }
        self.write_some(state, line)
    }

    fn write_some(&self, state: &mut State, mut line: Vec<u8>) -> Option<Vec<u8>> {
        let mut written = 0;
        while let Some(rest) = line.get(written..).filter(|rest| !rest.is_empty()) {
            match self.device.try_write(rest) {
                Ok(0) => break,
                Ok(len) => written += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    line.drain(..written);
                    return Some(line);
                }
                Err(_) => {
                    state.broken = true;
                    state.dropped += 1;
                    break;
                }
            }
        }
        None
    }

    /// Empties the queue, waiting for the device without the lock; then the thread ends.
    fn work(&self) {
        loop {
            let waited = self.device.wait();
            let mut state = self.state();
            state.broken |= waited.is_err();
            while let Some(front) = state.queue.pop_front() {
                state.queued -= front.len();
                if state.broken {
                    state.dropped += 1;
                } else if let Some(rest) = self.write_some(&mut state, front) {
                    state.queued += rest.len();
                    state.queue.push_front(rest);
                    break;
                }
            }
            if state.queue.is_empty() {
                if state.dropped > 0 && !state.broken {
                    let lost = std::mem::take(&mut state.dropped);
                    self.enqueue(&mut state, lost_line(lost));
                    continue;
                }
                state.busy = false;
                self.changed.notify_all();
                return;
            }
        }
    }

    fn flush(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut state = self.state();
        while state.busy {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost_line(lines: u64) -> Vec<u8> {
    super::line::Entry {
        level: tracing::Level::WARN,
        target: "rpcplugin_server::hclog",
        time: time::OffsetDateTime::now_utc(),
        message: "stderr was read too slowly; log lines were dropped".to_owned(),
        fields: [("lines".to_owned(), lines.into())].into_iter().collect(),
    }
    .into_line()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A device that takes bytes only while it is open.
    struct Gate {
        written: Mutex<Vec<u8>>,
        open: Mutex<bool>,
        opened: Condvar,
        broken: bool,
    }

    fn gate(open: bool, broken: bool) -> Arc<Sink<Gate>> {
        Sink::new(Gate {
            written: Mutex::default(),
            open: Mutex::new(open),
            opened: Condvar::new(),
            broken,
        })
    }

    impl Device for Gate {
        fn try_write(&self, data: &[u8]) -> io::Result<usize> {
            if self.broken {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if !*self.open.lock().unwrap() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let some = &data[..data.len().min(3)];
            self.written.lock().unwrap().extend_from_slice(some);
            Ok(some.len())
        }

        fn wait(&self) -> io::Result<()> {
            let open = self.open.lock().unwrap();
            drop(self.opened.wait_while(open, |open| !*open).unwrap());
            Ok(())
        }
    }

    fn text(sink: &Sink<Gate>) -> String {
        String::from_utf8(sink.device.written.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_go_out_at_once_where_stderr_takes_them() {
        let sink = gate(true, false);
        sink.send(b"first line\n".to_vec());
        sink.send(b"second\n".to_vec());
        assert_eq!(text(&sink), "first line\nsecond\n");
    }

    #[test]
    fn a_blocked_stderr_blocks_nobody_and_the_loss_is_told() {
        let sink = gate(false, false);
        let (done, finished) = mpsc::channel();
        let writer = Arc::clone(&sink);
        std::thread::spawn(move || {
            let line = vec![b'x'; 64 * 1024];
            (0..20).for_each(|_| writer.send(line.clone()));
            done.send(()).unwrap();
        });
        finished.recv_timeout(Duration::from_secs(10)).expect("nobody waits for stderr");
        assert_eq!(text(&sink), "");
        *sink.device.open.lock().unwrap() = true;
        sink.device.opened.notify_all();
        sink.flush(Duration::from_secs(10));
        let text = text(&sink);
        assert!(text.len() > 1024 * 1024 - 1);
        assert!(text.ends_with("\"lines\":4}\n"), "{}", &text[text.len() - 200..]);
    }

    #[test]
    fn a_broken_stderr_is_given_up() {
        let sink = gate(true, true);
        sink.send(b"lost\n".to_vec());
        sink.send(b"lost\n".to_vec());
        sink.flush(Duration::ZERO);
        assert_eq!(sink.state().dropped, 2);
    }
}
