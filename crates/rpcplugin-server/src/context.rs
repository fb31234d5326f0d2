use crate::{HealthReporter, stop::Stop};

/// What a server offers to the services that it runs; see [`PluginSet::service_with`].
///
/// [`PluginSet::service_with`]: crate::PluginSet::service_with
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    pub(crate) health: HealthReporter,
    pub(crate) stop: Stop,
    pub(crate) version: u32,
}

impl Context {
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
