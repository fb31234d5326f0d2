use std::{fmt, sync::Arc, time::Duration};

use rpcplugin_core::{Error, Noise, TransportError};
use rpcplugin_proto::plugin::ConnInfo;
use rpcplugin_transport::{EndReason, Generation};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::task::TaskTracker;

use crate::{
    BrokerOptions, Multiplexer, Role, Side,
    ids::Ids,
    mux::HeldKnocks,
    session::{Current, Link, Session},
};

/// What the clones of a broker have in common.
pub(crate) struct Shared {
    pub(crate) side: Arc<dyn Side>,
    pub(crate) options: BrokerOptions,
    pub(crate) generation: Generation,
    pub(crate) ids: Ids,
    pub(crate) current: watch::Sender<Current>,
    /// What the peer did wrong on its stream.
    pub(crate) noise: Noise,
    /// What carries the side channels, if they have no listeners of their own.
    pub(crate) multiplexer: Option<Multiplexer>,
    /// Everything that runs for this broker.
    pub(crate) tasks: TaskTracker,
}

impl Shared {
    /// Waits for a stream to the other side.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_BROKER_UNAVAILABLE` if there is none by the deadline or never will be, and what
    /// ended the generation if that has ended.
    pub(crate) async fn session(&self, deadline: Instant) -> Result<Arc<Session>, Error> {
        let mut current = self.current.subscribe();
        loop {
            if let Some(reason) = self.generation.ended() {
                return Err(over(reason).into());
            }
            match &*current.borrow_and_update() {
                Current::Open(session) if !session.ended.is_cancelled() => {
                    return Ok(session.clone());
                }
                Current::Unsupported => return Err(unavailable(NO_BROKER)),
                Current::Open(_) | Current::None => {}
            }
            tokio::select! {
                biased;
                reason = self.generation.wait() => return Err(over(reason).into()),
                // `self` holds the sender, so this fails never.
                _ = current.changed() => {}
                () = sleep_until(deadline) => {
                    return Err(unavailable(match self.side.role() {
                        Role::Host => "its stream to the plugin is not open",
                        Role::Plugin => "the host has not opened its stream",
                    }));
                }
            }
        }
    }

    /// Begins another life of the stream. What is sent comes out of the receiver.
    pub(crate) fn link(&self) -> (Link, mpsc::Receiver<ConnInfo>) {
        let most = self.options.max_pending;
        let (link, receiver) = Link::open(&self.current, most);
        let link = link.noise(self.noise.clone());
        let Some(multiplexer) = self.multiplexer.clone() else { return (link, receiver) };
        let outgoing = link.session().outgoing.clone();
        let held = HeldKnocks::new(multiplexer, self.ids.clone(), outgoing, most);
        (link.multiplexed(held), receiver)
    }

    /// Runs a step that needs the session.
    ///
    /// # Errors
    ///
    /// Those of the step; within 100 ms of the end of the session, `TRANSPORT_DISCONNECTED` or
    /// what ended the generation.
    pub(crate) async fn during<T>(
        &self,
        session: &Session,
        step: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            reason = self.generation.wait() => Err(over(reason).into()),
            () = session.ended.cancelled() => Err(self.lost().await),
            done = step => done,
        }
    }

    /// What a session's end means: news of the process's end may be on its way.
    async fn lost(&self) -> Error {
        const NEWS: Duration = Duration::from_millis(50);
        let mut current = self.current.subscribe();
        tokio::select! {
            biased;
            reason = self.generation.wait() => over(reason).into(),
            // `self` holds the sender, so this fails never.
            _ = current.wait_for(|now| matches!(now, Current::Unsupported)) => {
                unavailable(NO_BROKER)
            }
            () = sleep(NEWS) => {
                let detail = "the broker's stream ended".to_owned();
                TransportError::Disconnected { detail, source: None }.into()
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("role", &self.side.role()).finish_non_exhaustive()
    }
}

const NO_BROKER: &str = "the plugin has none";

fn unavailable(detail: &str) -> Error {
    TransportError::BrokerUnavailable { detail: detail.to_owned() }.into()
}

/// What ends everything that belonged to a life.
fn over(reason: EndReason) -> TransportError {
    match reason {
        EndReason::Gone(report) => {
            TransportError::PluginGone { report: Some(Box::new(Arc::unwrap_or_clone(report))) }
        }
        _ => TransportError::ShutDown,
    }
}
