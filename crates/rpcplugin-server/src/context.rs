use std::convert::Infallible;

use rpcplugin_broker::Broker;

use crate::{HealthReporter, exit, stop::Stop};

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

    /// Ends the process with this code, once everything that it printed is with the host: what
    /// `std::process::exit` would lose.
    ///
    /// It asks for a stop that waits for no call and runs no hook, sends captured output and
    /// [`stdio::stderr`](crate::stdio::stderr) to their end, closes the connections, removes the
    /// sockets and writes the log out. That takes as long as the host takes to read, and 1 s at
    /// most; all of it where a call is still in progress, such as the one that awaits this.
    ///
    /// It never returns. Dropping the future changes nothing: the process ends. A stop that is
    /// under way already goes on, and the process then ends with this code.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn fatal(context: rpcplugin_server::Context) {
    /// println!("the database is gone");
    /// context.exit(3).await;
    /// # }
    /// ```
    pub async fn exit(&self, code: u8) -> Infallible {
        exit::exit(self.stop.clone(), code).await
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
