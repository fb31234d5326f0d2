//! Connections to an address, with whatever papers.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use rpcplugin::{
    core::{Address, Error},
    tls::{Certificate, ClientTls, Identity, TlsLayer},
    tonic,
    transport::{BoxIo, ChannelOptions, Generation, PluginChannel, TcpConnector, UnixConnector},
};
use rpcplugin_proto::health::{HealthCheckRequest, health_client::HealthClient};
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tower_layer::Layer as _;

/// Where a plugin listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl Place {
    pub(crate) fn of(address: &Address) -> Option<Self> {
        match address {
            Address::Unix(path) => Some(Self::Unix(path.clone())),
            Address::Tcp(address) => Some(Self::Tcp(*address)),
            _ => None,
        }
    }

    /// Connects, and says nothing.
    pub(crate) async fn connect(&self, limit: Duration) -> io::Result<BoxIo> {
        let connecting = async {
            Ok(match self {
                Self::Unix(path) => Box::new(UnixStream::connect(path).await?) as BoxIo,
                Self::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            })
        };
        timeout(limit, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// A host's way to its plugin, as the protocol has it: in plaintext, or with both certificates.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) place: Place,
    pub(crate) tls: Option<TlsLayer>,
    pub(crate) limit: Duration,
}

impl Route {
    pub(crate) fn plaintext(place: Place, limit: Duration) -> Self {
        Self { place, tls: None, limit }
    }

    pub(crate) fn mutual(
        place: Place,
        identity: &Identity,
        plugin: &Certificate,
        limit: Duration,
    ) -> Result<Self, Error> {
        let tls = TlsLayer::new(ClientTls::pinned(identity, plugin)?).timeout(limit);
        Ok(Self { place, tls: Some(tls), limit })
    }

    /// A channel over a connection of its own, whose calls end in time.
    pub(crate) async fn channel(&self) -> Result<PluginChannel, Error> {
        let options =
            ChannelOptions::new().connection_timeout(self.limit).request_timeout(self.limit);
        let generation = Generation::new();
        match &self.place {
            Place::Unix(path) => {
                let connector = UnixConnector::new(path).timeout(self.limit);
                match &self.tls {
                    None => PluginChannel::connect(connector, options, generation).await,
                    Some(tls) => {
                        PluginChannel::connect(tls.layer(connector), options, generation).await
                    }
                }
            }
            Place::Tcp(address) => {
                let connector = TcpConnector::new(*address).timeout(self.limit);
                match &self.tls {
                    None => PluginChannel::connect(connector, options, generation).await,
                    Some(tls) => {
                        PluginChannel::connect(tls.layer(connector), options, generation).await
                    }
                }
            }
        }
    }

    /// Connects without gRPC.
    pub(crate) async fn raw(&self) -> Result<BoxIo, String> {
        let io = self.place.connect(self.limit).await.map_err(|error| error.kind().to_string())?;
        match &self.tls {
            None => Ok(io),
            Some(tls) => {
                Ok(Box::new(tls.connect(io).await.map_err(|error| error.code().to_owned())?))
            }
        }
    }

    /// Whether it answers a call on a new connection, whatever it says; if not, what came instead.
    pub(crate) async fn answers(&self) -> Result<(), String> {
        match self.channel().await {
            Ok(channel) => answers(channel).await,
            Err(error) => Err(error.code().to_owned()),
        }
    }
}

/// Whether a call on this channel gets an answer of the plugin; if not, the code of what came.
pub(crate) async fn answers(channel: PluginChannel) -> Result<(), String> {
    let request = HealthCheckRequest { service: "plugin".into() };
    match HealthClient::new(channel).check(request).await {
        Ok(_) => Ok(()),
        Err(status) if is_answer(&status) => Ok(()),
        Err(status) => Err(match rpcplugin::tls::explain(&status) {
            Some(error) => Error::from(error).code().to_owned(),
            None => rpcplugin::error_from_status(&status).code().to_owned(),
        }),
    }
}

/// Whether a status was sent by the plugin, rather than made of what became of the connection.
pub(crate) fn is_answer(status: &tonic::Status) -> bool {
    std::error::Error::source(status).is_none()
}
