use std::{fmt, sync::Arc};

use rpcplugin_core::{Error, Noise};
use rpcplugin_proto::plugin::grpc_broker_server::GrpcBrokerServer;
use rpcplugin_transport::{ChannelOptions, Generation, PluginChannel};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::{
    BrokerOptions, Multiplexer, ReservedId, Served, ServiceId, Services, Side, StreamService,
    dial::dial, ids::Ids, session::Current, shared::Shared, stream,
};

/// Opens further services between host and plugin, over numbered side channels.
///
/// Both sides have one, and clones of it are the same. Whoever [serves](Self::serve) something
/// gets a number, and sends it to the other side in an ordinary message; the other side
/// [dials](Self::dial) it.
///
/// The two talk over one stream, which the host [opens](Self::run) and the plugin
/// [serves](Self::service); a new one may follow an old one. Everything ends with the
/// [`Generation`]: channels, what is served, and every wait.
///
/// Use it within the tokio runtime in which it was made.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

impl Broker {
    /// The broker of this side, without a stream so far.
    #[must_use]
    pub fn new(side: impl Side, options: BrokerOptions, generation: Generation) -> Self {
        Self::with(side, options, generation, None)
    }

    /// As [`new`](Self::new), with side channels that have no listeners of their own: they are
    /// streams of the multiplexed connection, as the main connection is.
    #[must_use]
    pub fn multiplexed(
        side: impl Side,
        options: BrokerOptions,
        generation: Generation,
        multiplexer: Multiplexer,
    ) -> Self {
        Self::with(side, options, generation, Some(multiplexer))
    }

    fn with(
        side: impl Side,
        options: BrokerOptions,
        generation: Generation,
        multiplexer: Option<Multiplexer>,
    ) -> Self {
        let (side, ids) = (Arc::new(side), Ids::default());
        let current = watch::Sender::new(Current::None);
        let tasks = TaskTracker::new();
        let noise = Noise::default();
        let shared = Shared { side, options, generation, ids, current, noise, multiplexer, tasks };
        Self { shared: Arc::new(shared) }
    }

    /// Serves a tonic service, or several ([`Services`]), on a side channel of its own.
    ///
    /// It listens before the number is known to anybody, and accepts any number of connections.
    /// Dropping what is returned closes the side channel; dropping the future leaves nothing
    /// behind.
    ///
    /// # Errors
    ///
    /// - `TRANSPORT_BROKER_UNAVAILABLE`: no stream to the other side came up within
    ///   [`timeout`](BrokerOptions::timeout), or the plugin has no broker.
    /// - `TRANSPORT_DISCONNECTED`: the stream was lost before the announcement was on its way.
    /// - `TRANSPORT_DEADLINE`: the other side reads no announcements.
    /// - `TRANSPORT_PLUGIN_GONE`, `TRANSPORT_SHUT_DOWN`: the generation has ended.
    /// - Those of [`Side::listen`].
    pub async fn serve(&self, services: impl Into<Services>) -> Result<Served, Error> {
        self.next_id().serve(services).await
    }

    /// The next number of this side, for a service that is to know its own.
    pub fn next_id(&self) -> ReservedId {
        ReservedId { shared: self.shared.clone(), live: self.shared.ids.next() }
    }

    /// Connects to what the other side serves under this number; any tonic client takes the
    /// channel.
    ///
    /// It does not matter whether the number was announced before or after this call, nor how long
    /// before. Several calls may dial one number, each for a connection of its own. Dropping the
    /// future leaves the offer to the next dial; once a channel was made and all channels are
    /// gone, the offer is forgotten.
    ///
    /// # Errors
    ///
    /// - `TRANSPORT_BROKER_TIMEOUT`: nobody announced it within
    ///   [`timeout`](BrokerOptions::timeout).
    /// - `PROTOCOL_BROKER_LIMIT`: it was announced, and turned away because too many were.
    /// - `PROTOCOL_BROKER_UNKNOWN_ID`: multiplexed, and the other side says that nobody serves it.
    /// - `TRANSPORT_BROKER_UNAVAILABLE`: no stream to the other side came up in that time, or the
    ///   plugin has no broker.
    /// - `TRANSPORT_DISCONNECTED`: the stream ended meanwhile.
    /// - `TRANSPORT_PLUGIN_GONE`, `TRANSPORT_SHUT_DOWN`: the generation has ended.
    /// - `SECURITY_ADDRESS_FORBIDDEN`: this side does not dial the announced address.
    /// - Those of [`PluginChannel::connect`] and of TLS.
    pub async fn dial(&self, id: impl Into<ServiceId>) -> Result<PluginChannel, Error> {
        dial(&self.shared, id.into(), self.shared.options.channel.clone()).await
    }

    /// As [`dial`](Self::dial), with other bounds than those of the main connection.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn dial_with(
        &self,
        id: impl Into<ServiceId>,
        options: ChannelOptions,
    ) -> Result<PluginChannel, Error> {
        dial(&self.shared, id.into(), options).await
    }

    /// Closes what this side serves under a number, as dropping its [`Served`] would; `false` if
    /// nothing is served there.
    pub fn close(&self, id: impl Into<ServiceId>) -> bool {
        self.shared.ids.close(id.into().get())
    }

    /// How many side channels this side serves, and how many offers of the other side nobody has
    /// claimed.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let unclaimed = match &*self.shared.current.borrow() {
            Current::Open(session) => session.offers.unclaimed(),
            Current::None | Current::Unsupported => 0,
        };
        Counts { served: self.shared.ids.live(), unclaimed }
    }

    /// The host's end of the stream: opens one on the main connection and drives it until it or
    /// the generation ends. The side channels depend on this future; run it in a task.
    ///
    /// It may be called again after it has ended, with the same channel or another. A newer call
    /// ends an older one. Dropping the future ends the stream.
    ///
    /// # Errors
    ///
    /// The status with which the plugin ended the stream; UNIMPLEMENTED if it has no broker, and
    /// then waiting calls end with `TRANSPORT_BROKER_UNAVAILABLE` until another stream is opened.
    pub async fn run(&self, channel: PluginChannel) -> Result<(), Status> {
        stream::run(&self.shared, channel).await
    }

    /// Waits until no listener, no connection and no task of this broker is left: soon after the
    /// end of the generation. Cancel-safe.
    pub async fn finished(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// The plugin's end of the stream: a service for the main connection. A second stream ends the
    /// first.
    #[must_use]
    pub fn service(&self) -> GrpcBrokerServer<StreamService> {
        stream::service(&self.shared)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("role", &self.shared.side.role())
            .field("options", &self.shared.options)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// What a [`Broker`] holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// Side channels that this side serves or has reserved.
    pub served: usize,
    /// Offers of the other side that nobody has claimed.
    pub unclaimed: usize,
}
