use std::ffi::OsString;

use rpcplugin_client::{Builder, Client, InProcess, Tls};
use rpcplugin_core::{Error, MagicCookie};
use rpcplugin_server::{PluginSet, Server};
use rpcplugin_transport::memory::{self, MemoryConnector};

use super::ready::ready;

/// Joins these services and a host in this process: [`Pair::new`] and [`Pair::join`].
///
/// # Errors
///
/// As [`Pair::join`].
pub async fn client(plugins: PluginSet) -> Result<Client, Error> {
    Pair::new(plugins).join().await
}

/// A host and a plugin that are to be joined in one process.
///
/// Between them are the same services, layers, limits and mutual TLS as between two processes;
/// instead of the socket there is a pair of buffers. There is no child, no cookie, no handshake
/// line, and no file but for the sockets of side channels that the two [open](crate::broker).
///
/// What is different from a real start:
///
/// - [`Client::pid`] and [`Client::usage`] are those of this process, and [`Client::address`] is a
///   name that nobody can dial.
/// - [`Client::shutdown`] asks the plugin's controller, as ever, and ends with exit code 0. There
///   is no SIGTERM. [`Client::kill`] and dropping the last client drop the server and all its
///   connections; the exit status is then unknown.
/// - What a service prints goes where the test's output goes, and
///   [`stdio`](rpcplugin_server::stdio) carries nothing: both belong to the whole process.
/// - Settings of the host that concern a process, such as its environment, have no effect.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpcplugin::{PluginSet, Tls, client::ShutdownOutcome, testing::Pair};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rpcplugin::Error> {
/// let plugin = Pair::new(PluginSet::new())
///     .version(3)
///     .tls(Tls::Plaintext)
///     .host(|host| host.request_timeout(Duration::from_secs(1)))
///     .plugin(|server| server.grpc_grace_period(Duration::from_millis(500)))
///     .join()
///     .await?;
/// assert_eq!(plugin.version(), 3);
/// assert_eq!(plugin.shutdown().await?.outcome, ShutdownOutcome::Graceful);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a pair does nothing until `join` is called and awaited"]
pub struct Pair {
    plugins: PluginSet,
    version: u32,
    host: Builder,
    server: Server,
}

/// Nobody checks it: there is no process that could be started by hand.
const COOKIE: MagicCookie = MagicCookie::new("RPCPLUGIN_TESTING", "in one process");

impl Pair {
    /// A pair with the defaults of both sides: version 1, mutual TLS.
    pub fn new(plugins: PluginSet) -> Self {
        // Nothing of this process's environment is for the plugin, so it is not read.
        let host = Client::builder(COOKIE).environment([] as [(OsString, OsString); 0]);
        Self { plugins, version: 1, host, server: Server::new(COOKIE) }
    }

    /// The application version that is agreed on; default 1.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self.host = self.host.versions([version]);
        self
    }

    /// How the connection is protected; default [`Tls::Auto`].
    pub fn tls(mut self, tls: Tls) -> Self {
        self.host = self.host.tls(tls);
        self
    }

    /// Changes the host's settings: `.host(|host| host.request_timeout(limit))`.
    pub fn host(mut self, change: impl FnOnce(Builder) -> Builder) -> Self {
        self.host = change(self.host);
        self
    }

    /// Changes the plugin's settings: `.plugin(|server| server.layer(layer))`. A handle that is
    /// taken here is good for as long as the plugin runs.
    pub fn plugin(mut self, change: impl FnOnce(Server) -> Server) -> Self {
        self.server = change(self.server);
        self
    }

    /// Serves, connects, and waits for the first answer.
    ///
    /// Dropping the future ends the server, and so does dropping the last client.
    ///
    /// # Errors
    ///
    /// Why the plugin does not serve (`CONFIG_DUPLICATE_SERVICE` and the like,
    /// `SECURITY_TLS_REQUIRED`), or why the host does not take it: `HANDSHAKE_VERSION_MISMATCH`,
    /// `CONFIG_…`; `SECURITY_TLS_NOT_BUILT` for [`Tls::Auto`] without the feature `tls`.
    pub async fn join(self) -> Result<Client, Error> {
        let Self { plugins, version, host, server } = self;
        let server = server.plugins(version, plugins);
        host.join(|launch| serve(server, version, launch)).await
    }
}

/// Serves with the variables that the host sets, and hands the plugin over.
async fn serve(
    server: Server,
    version: u32,
    launch: Vec<(OsString, OsString)>,
) -> Result<InProcess<MemoryConnector>, Error> {
    let (connector, listener) = memory::pair();
    let server = server.environment(move |name| {
        launch.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
    });
    let (handshake, serving) = ready(server, listener, version).await?;
    Ok(InProcess::new(connector, handshake, serving))
}
