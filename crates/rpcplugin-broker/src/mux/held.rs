use std::{convert::Infallible, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use rpcplugin_core::ProtocolError;
use rpcplugin_proto::plugin::ConnInfo;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{Multiplexer, router::LinkId};
use crate::{ids::Ids, message};

/// The peer's knocks on one stream of the broker, as long as they have no answer.
#[derive(Debug)]
pub(crate) struct HeldKnocks {
    multiplexer: Multiplexer,
    link: LinkId,
    ids: Ids,
    outgoing: mpsc::Sender<ConnInfo>,
    most: usize,
    held: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl HeldKnocks {
    /// How long a knock waits for somebody to serve its number: less than the 5 s for which
    /// go-plugin waits for an answer.
    const PATIENCE: Duration = Duration::from_secs(4);

    pub(crate) fn new(
        multiplexer: Multiplexer,
        ids: Ids,
        outgoing: mpsc::Sender<ConnInfo>,
        most: usize,
    ) -> Self {
        let link = multiplexer.router().link();
        Self { multiplexer, link, ids, outgoing, most, held: FuturesUnordered::new() }
    }

    /// Takes a knock in.
    ///
    /// # Errors
    ///
    /// `PROTOCOL_BROKER_LIMIT` if too many are held, or were answered and had no stream since; it
    /// gets no answer then.
    pub(crate) fn knocked(&mut self, id: u32) -> Result<(), ProtocolError> {
        if self.held.len() + self.multiplexer.router().promised() >= self.most {
            return Err(ProtocolError::BrokerLimit { id, limit: self.most });
        }
        let answering = answer(
            self.multiplexer.clone(),
            self.link,
            self.ids.clone(),
            self.outgoing.clone(),
            id,
        );
        self.held.push(answering.boxed());
        Ok(())
    }

    /// Opens a stream that the peer expects and nobody wants.
    pub(crate) fn open_owed(&self) {
        self.multiplexer.open_owed();
    }

    /// Answers what can be answered. It never ends. Cancel-safe.
    pub(crate) async fn answer(&mut self) -> Infallible {
        loop {
            if self.held.next().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for HeldKnocks {
    fn drop(&mut self) {
        self.multiplexer.router().forget(self.link);
    }
}

async fn answer(
    multiplexer: Multiplexer,
    link: LinkId,
    ids: Ids,
    outgoing: mpsc::Sender<ConnInfo>,
    id: u32,
) {
    let router = multiplexer.router();
    let deadline = Instant::now() + HeldKnocks::PATIENCE;
    loop {
        let served = router.served();
        if !router.serves(id) && !ids.is_over(id) && Instant::now() < deadline {
            tokio::select! {
                () = served => continue,
                () = sleep_until(deadline) => {}
            }
        }
        // Only now that there is something to say: others may have the room meanwhile. If there
        // is none any more, the stream of announcements is gone, and this with it.
        let Ok(permit) = outgoing.clone().reserve_owned().await else { return };
        // Nothing waits between the promise and its answer, so answers keep the order of promises.
        if router.admit(id, link) {
            permit.send(message::welcome(id));
            return;
        }
        if ids.is_over(id) || Instant::now() >= deadline {
            let refusal = ProtocolError::BrokerUnknownId { id };
            router.refused(&refusal);
            permit.send(message::refusal(id, &refusal.to_string()));
            return;
        }
    }
}
