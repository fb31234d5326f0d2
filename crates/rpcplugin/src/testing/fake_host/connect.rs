use std::time::Duration;

use rpcplugin_core::{Address, Error, Handshake, Phase, TransportError};
use rpcplugin_proto::health::{HealthCheckRequest, health_client::HealthClient};
use rpcplugin_transport::{
    ChannelOptions, Connector, Generation, PluginChannel, TcpConnector, UnixConnector,
    error_from_status,
};
use tonic::Code;

use super::FakeHost;

/// Which certificate a plugin is told of, and who connects.
pub(super) enum Papers {
    /// A build without TLS sends none.
    #[cfg(not(feature = "tls"))]
    Plaintext,
    /// A text that is no certificate.
    Unreadable,
    /// One certificate is sent; whoever connects shows another, or the same, or nothing.
    #[cfg(feature = "tls")]
    Tls { sent: rpcplugin_tls::Certificate, shown: Option<rpcplugin_tls::Identity> },
}

impl Papers {
    #[cfg(feature = "tls")]
    pub(super) fn new(host: FakeHost) -> Result<Self, Error> {
        use rpcplugin_tls::{Identity, IdentityParams};

        if host == FakeHost::UnreadableCertificate {
            return Ok(Self::Unreadable);
        }
        let identity = Identity::generate(&IdentityParams::new())?;
        let sent = identity.certificate().clone();
        let shown = match host {
            FakeHost::PlaintextStranger => None,
            FakeHost::Stranger => Some(Identity::generate(&IdentityParams::new())?),
            _ => Some(identity),
        };
        Ok(Self::Tls { sent, shown })
    }

    #[cfg(not(feature = "tls"))]
    pub(super) fn new(host: FakeHost) -> Result<Self, Error> {
        Ok(match host {
            FakeHost::UnreadableCertificate => Self::Unreadable,
            _ => Self::Plaintext,
        })
    }

    /// What stands in `PLUGIN_CLIENT_CERT`.
    pub(super) fn sent(&self) -> Option<String> {
        match self {
            #[cfg(not(feature = "tls"))]
            Self::Plaintext => None,
            Self::Unreadable => Some("-----BEGIN CERTIFICATE-----\nunreadable".to_owned()),
            #[cfg(feature = "tls")]
            Self::Tls { sent, .. } => Some(sent.to_pem()),
        }
    }
}

/// Connects to the announced address and waits for the first answer.
pub(super) async fn connect(
    handshake: Handshake,
    papers: &Papers,
    limit: Duration,
) -> Result<PluginChannel, Error> {
    let connecting = async {
        let channel = match &handshake.address {
            Address::Unix(path) => over(UnixConnector::new(path), &handshake, papers).await?,
            Address::Tcp(address) => over(TcpConnector::new(*address), &handshake, papers).await?,
            other => {
                let (address, reason) = (other.to_string(), "its network is not known");
                return Err(TransportError::InvalidEndpoint { address, reason }.into());
            }
        };
        first_answer(channel.clone()).await?;
        Ok(channel)
    };
    let late = |_| TransportError::ConnectTimeout { phase: Phase::Ready, limit };
    tokio::time::timeout(limit, connecting).await.map_err(late)?
}

async fn over<C: Connector>(
    connector: C,
    handshake: &Handshake,
    papers: &Papers,
) -> Result<PluginChannel, Error> {
    let (options, generation) = (ChannelOptions::new(), Generation::new());
    #[cfg(feature = "tls")]
    if let Papers::Tls { shown: Some(identity), .. } = papers {
        use rpcplugin_tls::{Certificate, ClientTls, TlsLayer};
        use tower_layer::Layer as _;

        let plugin = Certificate::from_der(&handshake.certificate.der()?)?;
        let tls = TlsLayer::new(ClientTls::pinned(identity, &plugin)?);
        return PluginChannel::connect(tls.layer(connector), options, generation).await;
    }
    let _ = (handshake, papers);
    PluginChannel::connect(connector, options, generation).await
}

/// TLS 1.3 and HTTP/2 tell only now whether the plugin lets this host in.
async fn first_answer(channel: PluginChannel) -> Result<(), Error> {
    let request = HealthCheckRequest::default();
    match HealthClient::new(channel).check(request).await {
        Ok(_) => Ok(()),
        Err(status) if matches!(status.code(), Code::Unimplemented | Code::NotFound) => Ok(()),
        Err(status) => {
            #[cfg(feature = "tls")]
            if let Some(error) = rpcplugin_tls::explain(&status) {
                return Err(error.into());
            }
            Err(error_from_status(&status))
        }
    }
}
