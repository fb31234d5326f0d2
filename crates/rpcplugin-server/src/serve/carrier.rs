use std::{fmt, time::Duration};

use rpcplugin_broker::{Broker, BrokerOptions, Multiplexer, Protection, Side};
use rpcplugin_transport::{EndReason, Generation, Listener};
use tokio::time::timeout;

use super::running::Abort;
use crate::stop::{Reason, Stop};

/// What carries main connections and side channels: a socket for each, or one multiplexed
/// connection. Dropping it ends the latter.
pub(super) struct Carrier {
    multiplexed: Option<Multiplexed>,
}

struct Multiplexed {
    multiplexer: Multiplexer,
    /// Longer than the broker's: the last answers travel on it.
    life: Generation,
    _watching: Abort,
}

impl Carrier {
    /// How the connections of this listener are to be carried, and where main ones come from.
    pub(super) fn new(
        multiplexes: bool,
        protection: &Protection,
        listener: Box<dyn Listener>,
        stop: &Stop,
    ) -> (Self, Box<dyn Listener>) {
        if !multiplexes {
            return (Self { multiplexed: None }, listener);
        }
        let life = Generation::new();
        let (multiplexer, listener) = Multiplexer::plugin(life.clone(), listener);
        let listener = match protection {
            Protection::Plaintext => listener.plaintext(),
            _ => listener,
        };
        let watching = tokio::spawn(stop_when_lost(multiplexer.clone(), stop.clone()));
        let multiplexed = Multiplexed { multiplexer, life, _watching: Abort(watching) };
        (Self { multiplexed: Some(multiplexed) }, Box::new(listener))
    }

    pub(super) fn broker(
        &self,
        side: impl Side,
        options: BrokerOptions,
        generation: Generation,
    ) -> Broker {
        match &self.multiplexed {
            None => Broker::new(side, options, generation),
            Some(Multiplexed { multiplexer, .. }) => {
                Broker::multiplexed(side, options, generation, multiplexer.clone())
            }
        }
    }

    /// Closes the multiplexed connection, once what was sent on it is on its way.
    pub(super) async fn close(&self) {
        /// More than it takes, unless the host reads nothing.
        const LIMIT: Duration = Duration::from_millis(200);
        if let Some(Multiplexed { multiplexer, .. }) = &self.multiplexed {
            let _ = timeout(LIMIT, multiplexer.close()).await;
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if let Some(Multiplexed { life, .. }) = &self.multiplexed {
            life.end(EndReason::ShutDown);
        }
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier")
            .field("multiplexer", &self.multiplexed.as_ref().map(|carrier| &carrier.multiplexer))
            .finish()
    }
}

/// There is one multiplexed connection in a plugin's life: without it nobody can reach the plugin
/// any more.
async fn stop_when_lost(multiplexer: Multiplexer, stop: Stop) {
    /// For news that the host is gone, which asks for more than a stop.
    const NEWS: Duration = Duration::from_secs(1);
    multiplexer.ended().await;
    tokio::time::sleep(NEWS).await;
    stop.request(Reason::ConnectionLost, None);
}
