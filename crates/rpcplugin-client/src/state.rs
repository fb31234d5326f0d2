use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::watch;
use tokio_stream::{Stream, wrappers::WatchStream};

/// Where a started plugin is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// It answers calls.
    Running,
    /// It was asked to stop, or is being killed.
    Stopping,
    /// Its process has ended, or could not be ended and was given up.
    Ended,
}

/// The states of a plugin as they change; made by [`Client::state_changes`](crate::Client::state_changes).
///
/// The first item is the present state, the last is [`State::Ended`]. A reader that is slow may
/// miss a state in between, never the last. Dropping it has no effect on the plugin.
pub struct StateChanges(WatchStream<State>);

impl StateChanges {
    pub(crate) fn new(states: watch::Receiver<State>) -> Self {
        Self(WatchStream::new(states))
    }
}

impl Stream for StateChanges {
    type Item = State;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<State>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

impl fmt::Debug for StateChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateChanges").finish_non_exhaustive()
    }
}
