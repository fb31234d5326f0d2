use rpcplugin_broker::Broker;

use crate::{HealthReporter, stop::Stop};

/// What a server offers to the services that it runs; see [`PluginSet::service_with`].
///
/// [`PluginSet::service_with`]: crate::PluginSet::service_with
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    pub(crate) broker: Broker,
    pub(crate) health: HealthReporter,
    pub(crate) stop: Stop,
    pub(crate) version: u32,
}

impl Context {
    /// Opens side channels between this plugin and its host, in both directions.
    ///
    /// It is for handlers, and works as soon as the host is connected. Clones are the same.
    #[must_use]
    pub fn broker(&self) -> Broker {
        self.broker.clone()
    }

    /// Sets what health checks answer.
    #[must_use]
    pub fn health(&self) -> HealthReporter {
        self.health.clone()
    }

    /// The application version that this start of the plugin serves.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Ends when the plugin was asked to stop, for work that should not outlast it.
    ///
    /// The future may be dropped and made again at any time.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let stop = self.stop.clone();
        async move {
            stop.requested().await;
        }
    }
}
