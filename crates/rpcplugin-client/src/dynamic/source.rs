use std::{sync::Arc, time::Duration};

use rpcplugin_core::{Error, TransportError};
use rpcplugin_transport::PluginChannel;
use tokio::{sync::OnceCell, time::timeout};

use super::{reflection, schema::Schema};

/// Where the descriptors of one running plugin come from.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Those that the builder was given.
    given: Option<Arc<Schema>>,
    /// Those that the plugin told. A failure is not kept, so the next call asks again.
    fetched: OnceCell<Arc<Schema>>,
}

impl Source {
    pub(crate) fn new(given: Option<Arc<Schema>>) -> Self {
        Self { given, fetched: OnceCell::new() }
    }

    /// The schema; asks the plugin for it the first time, if nobody has given it. Of many that
    /// want it at once one asks, and the others wait for its answer. If that one gives up, or
    /// fails, the next asks.
    ///
    /// # Errors
    ///
    /// Those of [`reflection::fetch`]; `TRANSPORT_DEADLINE` after `limit`, at the latest after
    /// [`FETCH`].
    pub(super) async fn schema(
        &self,
        channel: PluginChannel,
        limit: Option<Duration>,
    ) -> Result<Arc<Schema>, Error> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        if let Some(fetched) = self.fetched.get() {
            return Ok(fetched.clone());
        }
        let limit = limit.map_or(FETCH, |limit| limit.min(FETCH));
        let fetching = self.fetched.get_or_try_init(|| async {
            Ok::<_, Error>(Arc::new(reflection::fetch(channel).await?))
        });
        match timeout(limit, fetching).await {
            Ok(fetched) => fetched.cloned(),
            Err(_) => {
                let origin = format!("asking the plugin for its descriptors, {limit:?}");
                Err(TransportError::Deadline { origin }.into())
            }
        }
    }
}

/// How long a plugin may take to describe itself, and how long anybody waits for that.
const FETCH: Duration = Duration::from_secs(10);
