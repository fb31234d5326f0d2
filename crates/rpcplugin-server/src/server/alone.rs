use std::process::ExitCode;

use rpcplugin_core::Error;

use crate::{ListenOn, Server, TestServer, serve::alone};

impl Server {
    /// Serves as a program of its own, for hosts that [connect] to an address: no cookie, no
    /// handshake line, no capture of standard output, and of the environment only the settings.
    /// They may move it, as they may [`listen`](Self::listen). Health checks are answered. The
    /// highest version is served.
    ///
    /// Off loopback only with mutual TLS, of [`custom_tls`](Self::custom_tls) or the settings. No
    /// host can stop
    /// it: that is for [`handle`](Self::handle), the [shutdown file](Self::shutdown_file_path) and, with
    /// [`Signals::Handle`](crate::Signals::Handle), for SIGTERM, SIGHUP and SIGINT.
    ///
    /// [connect]: https://docs.rs/rpcplugin-client/latest/rpcplugin_client/struct.Builder.html#method.connect
    ///
    /// # Errors
    ///
    /// Why it did not start, as [`serve`](Self::serve) says; `SECURITY_TLS_REQUIRED` off loopback
    /// without certificates.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use rpcplugin_core::MagicCookie;
    /// use rpcplugin_server::{ListenOn, PluginSet, Server, Signals};
    ///
    /// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpcplugin_core::Error> {
    /// Server::new(COOKIE)
    ///     .plugins(1, PluginSet::new())
    ///     .signals(Signals::Handle)
    ///     .standalone(ListenOn::Tcp(([127, 0, 0, 1], 4000).into()))
    ///     .await
    /// # }
    /// ```
    pub async fn standalone(self, listen: ListenOn) -> Result<(), Error> {
        alone::standalone(self, listen).await
    }

    /// Serves in test mode, in a task: no cookie, no handshake line, no signals, no capture of
    /// standard output. Hosts reach it by its [`Reattach`](rpcplugin_core::Reattach) record, and
    /// never end it; whoever holds the [`TestServer`] does. The highest version is served, in
    /// plaintext unless there is [`custom_tls`](Self::custom_tls) or the settings have certificates.
    ///
    /// # Errors
    ///
    /// Why it did not start, as [`serve`](Self::serve) says.
    ///
    /// # Example
    ///
    /// ```
    /// # use rpcplugin_core::MagicCookie;
    /// # use rpcplugin_server::{PluginSet, Server};
    /// # const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpcplugin_core::Error> {
    /// let server = Server::new(COOKIE).plugins(6, PluginSet::new()).test().await?;
    /// let record = server.reattach();
    /// assert!(record.test);
    /// assert_eq!((record.pid, record.protocol_version), (std::process::id(), 6));
    /// server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn test(self) -> Result<TestServer, Error> {
        alone::test(self)
    }

    /// Serves in [test mode](Self::test) as a whole `main`, for a plugin that is started by hand
    /// or in a debugger. Prints the JSON that hosts read from their reattach variable, such as
    /// `TF_REATTACH_PROVIDERS`: one line on stdout, with the record under `name`. Serves until
    /// Ctrl-C or SIGTERM, and returns 0; 1 if it could not start.
    pub async fn debug_attach(self, name: &str) -> ExitCode {
        alone::debug_attach(self, name).await
    }
}
