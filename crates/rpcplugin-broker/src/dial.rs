//! The dialling end of a side channel.

use std::sync::Arc;

use rpcplugin_core::{Address, Error, TransportError};
use rpcplugin_transport::{ChannelOptions, Connector, PluginChannel};
use tokio::time::{Instant, sleep_until};

use crate::{
    Protection, ServiceId,
    mux::KnockConnector,
    offers::{Found, Interest},
    plain::PlainConnector,
    shared::Shared,
};

/// See [`Broker::dial`](crate::Broker::dial).
pub(crate) async fn dial(
    shared: &Arc<Shared>,
    id: ServiceId,
    options: ChannelOptions,
) -> Result<PluginChannel, Error> {
    let deadline = Instant::now() + shared.options.timeout;
    let session = shared.session(deadline).await?;
    if let Some(multiplexer) = shared.multiplexer.clone() {
        // Each connection begins with a knock, which has all the time of the broker.
        let connecting = options.connection_timeout.max(shared.options.timeout);
        let options = options.connection_timeout(connecting);
        let connector = KnockConnector { shared: shared.clone(), multiplexer, id };
        return shared.during(&session, connect(shared, connector, options)).await;
    }
    let interest = Arc::new(session.offers.interest(id.get()));
    let dialled = async {
        let address = offered(shared, &interest, id, deadline).await?;
        let connector = PlainConnector {
            side: shared.side.clone(),
            address: Arc::new(address),
            timeout: options.connection_timeout,
            interest: interest.clone(),
        };
        let channel = connect(shared, connector, options).await?;
        interest.used();
        Ok(channel)
    };
    shared.during(&session, dialled).await
}

/// Waits for the announcement.
async fn offered(
    shared: &Shared,
    interest: &Interest,
    id: ServiceId,
    deadline: Instant,
) -> Result<Address, Error> {
    loop {
        match interest.look()? {
            Found::Offered(address) => return Ok(address),
            Found::Nothing(offered) => tokio::select! {
                biased;
                () = offered => {}
                () = sleep_until(deadline) => {
                    let limit = shared.options.timeout;
                    return Err(TransportError::BrokerTimeout { id: id.get(), limit }.into());
                }
            },
        }
    }
}

/// A channel through this connector, protected as the main connection is.
async fn connect<C: Connector>(
    shared: &Shared,
    connector: C,
    options: ChannelOptions,
) -> Result<PluginChannel, Error> {
    let generation = shared.generation.clone();
    match shared.side.protection() {
        Protection::Plaintext => PluginChannel::connect(connector, options, generation).await,
        #[cfg(feature = "tls")]
        Protection::Mutual(mutual) => {
            let secure = tower_layer::Layer::layer(mutual.dial(), connector);
            PluginChannel::connect(secure, options, generation).await
        }
    }
}
