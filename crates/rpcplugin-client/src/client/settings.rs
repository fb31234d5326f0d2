use rpcplugin_core::{Config, Error};

use super::Client;

impl Client {
    /// The settings that this plugin goes by, with the source of each: those of its start, and
    /// what [`reload`](Client::reload) changed.
    #[must_use]
    pub fn config(&self) -> Config {
        self.shared.live.config()
    }

    /// Takes over what changed in those settings that may change while a plugin runs:
    /// `client_request_timeout` for calls that begin from now on, `grpc_grace_period` and
    /// `terminate_timeout` for a stop that has not begun, and `log_level`. What the plugin's
    /// builder set stands below the new configuration, as at the start.
    ///
    /// Settings that only plugins read may differ. Side channels keep what they were opened with.
    ///
    /// # Errors
    ///
    /// `CONFIG_NOT_RELOADABLE` names every other setting that differs; certificates are among
    /// them, since the connection was made with them. `SECURITY_CONFIG_CONFLICT` and `CONFIG_…` if
    /// the new configuration does not go together with the builder's values. Then nothing has
    /// changed.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use rpcplugin_client::Client;
    /// use rpcplugin_core::{Config, Error};
    ///
    /// fn reread(plugins: &[Client]) -> Result<(), Error> {
    ///     let config = Config::load()?;
    ///     plugins.iter().try_for_each(|plugin| plugin.reload(&config))
    /// }
    /// ```
    pub fn reload(&self, config: &Config) -> Result<(), Error> {
        self.shared.live.reload(config)?;
        self.shared.channel.set_request_timeout(self.shared.live.request_timeout());
        Ok(())
    }
}
