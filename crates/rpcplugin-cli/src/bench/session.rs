use std::{pin::Pin, time::Duration};

use tokio::sync::watch;

use crate::{
    failure::Failure,
    launch::{Signals, runtime},
};

/// How long a start or a stop that is under way may go on after a signal.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measuring that a signal ends: the first asks it to, and a second leaves at once.
#[derive(Debug)]
pub(super) struct Session {
    stop: watch::Sender<bool>,
}

impl Default for Session {
    fn default() -> Self {
        Self { stop: watch::Sender::new(false) }
    }
}

impl Session {
    /// Runs the work; returns the signal that ended it, if one did.
    ///
    /// Plugins that the work still holds then are killed as it is dropped.
    pub(super) fn run(
        &self,
        work: impl AsyncFnOnce() -> Result<(), Failure>,
    ) -> Result<Option<u8>, Failure> {
        let runtime = runtime()?;
        let mut work = Box::pin(work());
        let outcome = runtime.block_on(self.until_signal(work.as_mut()));
        // A start that was cut short waits for the end of its process once no runtime is there.
        drop(runtime);
        drop(work);
        outcome
    }

    async fn until_signal<W>(&self, mut work: Pin<&mut W>) -> Result<Option<u8>, Failure>
    where
        W: Future<Output = Result<(), Failure>>,
    {
        let mut signals = Signals::new()?;
        let signal = tokio::select! {
            biased;
            done = &mut work => return done.map(|()| None),
            signal = signals.next() => signal,
        };
        self.stop.send_replace(true);
        // A plugin that is starting is stopped in order, if it starts.
        tokio::select! {
            biased;
            done = &mut work => done?,
            _ = signals.next() => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
        Ok(Some(signal))
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Tells when it is time to stop.
    pub(super) fn stop(&self) -> Stop {
        Stop(self.stop.subscribe())
    }
}

/// What callers look at.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    pub(super) async fn set(&mut self) {
        // The session outlives everybody who waits for it.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
