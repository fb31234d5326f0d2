use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

/// Most that is kept of one stream; the rest is read and counted.
const KEPT: usize = 256 * 1024;

/// What a process writes to one of its streams. It is read to its end, whatever comes.
#[derive(Debug)]
pub(crate) struct Stream {
    kept: Arc<Mutex<Vec<u8>>>,
    read: watch::Receiver<Progress>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    bytes: usize,
    is_over: bool,
}

impl Stream {
    pub(crate) fn of(mut from: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (tell, read) = watch::channel(Progress::default());
        let keeping = kept.clone();
        let task = tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = from.read(&mut buffer).await {
                let mut kept = keeping.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT.saturating_sub(kept.len()).min(count);
                kept.extend_from_slice(&buffer[..room]);
                drop(kept);
                tell.send_modify(|progress| progress.bytes += count);
            }
            tell.send_modify(|progress| progress.is_over = true);
        });
        Self { kept, read, task }
    }

    /// What has come so far.
    pub(crate) fn kept(&self) -> Vec<u8> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the last holder of the other end has closed it.
    pub(crate) fn is_over(&self) -> bool {
        self.read.borrow().is_over
    }

    /// Waits until what has come is enough, the stream ends, or the time is up.
    pub(crate) async fn until(&mut self, limit: Duration, enough: impl Fn(&[u8]) -> bool) {
        let waiting = async {
            loop {
                let progress = *self.read.borrow_and_update();
                let is_enough = enough(&self.kept.lock().unwrap_or_else(PoisonError::into_inner));
                if progress.is_over || is_enough || self.read.changed().await.is_err() {
                    return;
                }
            }
        };
        // What has come until then is what there is.
        let _ = timeout(limit, waiting).await;
    }

    /// Waits until the last holder of the other end has closed it; tells whether that is so.
    pub(crate) async fn end(&mut self, limit: Duration) -> bool {
        let over = self.read.wait_for(|progress| progress.is_over);
        matches!(timeout(limit, over).await, Ok(Ok(_)))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}
