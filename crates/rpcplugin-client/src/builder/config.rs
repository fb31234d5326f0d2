use rpcplugin_core::{Config, config::LogLevel};

use crate::Builder;

/// Where settings come from.
impl Builder {
    /// Takes every setting from this configuration.
    ///
    /// Without it, the start reads this process's environment and the files that the environment
    /// names, as [`Config::load`] does; what stands for the environment is said by
    /// [`environment`](Builder::environment).
    ///
    /// In either case what this builder sets belongs to the layer of the program: it wins over
    /// the defaults and over [`Config::builder`]'s `set`, and loses to files and the environment.
    /// An operator can change it without a new build; what it protects, nobody can lower. A
    /// builder's method for a setting names the variable.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_client::Client;
    /// use rpcplugin_core::{Config, MagicCookie};
    ///
    /// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
    ///
    /// let config = Config::builder()
    ///     .set("plugin_start_timeout", "10s")
    ///     .environment(std::env::vars_os())
    ///     .build()?;
    /// let builder = Client::builder(COOKIE).config(config);
    /// # drop(builder);
    /// # Ok::<(), rpcplugin_core::Error>(())
    /// ```
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// The lowest level of the plugin's log lines that become events of this host; default
    /// [`LogLevel::Info`], `PLUGIN_LOG_LEVEL`. Lines that name no level count as DEBUG. Crash
    /// reports keep the last lines whatever their level.
    pub fn log_level(mut self, lowest: LogLevel) -> Self {
        self.values = self.values.log_level(lowest);
        self
    }

    /// Calls that the plugin may make at a time on one connection of a side channel that this host
    /// serves; default 256, `PLUGIN_GRPC_MAX_CONCURRENT_STREAMS`.
    pub fn grpc_max_concurrent_streams(mut self, streams: u32) -> Self {
        self.values = self.values.grpc_max_concurrent_streams(streams);
        self
    }
}
