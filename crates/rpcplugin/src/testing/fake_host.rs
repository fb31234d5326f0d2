use std::{fmt, time::Duration};

use rpcplugin_core::{Error, ExitStatus, Handshake, MagicCookie};
use rpcplugin_proto::plugin::{Empty, grpc_controller_client::GrpcControllerClient};
use rpcplugin_transport::PluginChannel;
use tokio::{process::Command, time::timeout};

mod connect;
mod launch;
mod process;

use self::{connect::Papers, process::Process};

/// A host that misbehaves: what a plugin must cope with.
///
/// # Example
///
/// ```no_run
/// use rpcplugin::{MagicCookie, testing::FakeHost};
/// use tokio::process::Command;
///
/// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1c7");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rpcplugin::Error> {
/// let plugin = FakeHost::WrongCookie.start(COOKIE, Command::new("./kv-plugin")).await?;
/// assert_eq!(plugin.line(), None, "nothing on stdout without the cookie");
/// let seen = plugin.end().await;
/// assert!(seen.by_itself);
/// assert_eq!(seen.status.and_then(|status| status.code()), Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FakeHost {
    /// Sets no cookie, as somebody who starts the plugin by hand.
    NoCookie,
    /// Sets the cookie's variable to another value.
    WrongCookie,
    /// Does not say which versions it knows. A plugin then serves its lowest.
    NoVersions,
    /// Sends a certificate that is none. A plugin must not serve in plaintext instead.
    UnreadableCertificate,
    /// Starts the plugin in order, but whoever connects is somebody else, with a certificate of
    /// his own.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    Stranger,
    /// The same with somebody who does not speak TLS at all.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    PlaintextStranger,
    /// Reads neither the stdio service, nor stdout after the line, nor stderr. The plugin must go
    /// on answering.
    NeverReadsStdio,
    /// Is gone from one moment to the next, without asking the plugin to stop. The plugin learns
    /// of it by the end of its stdin, if it knows rpcplugin's lifeline.
    DiesWithoutShutdown,
}

/// Bound on the handshake line, and on connecting.
const LIMIT: Duration = Duration::from_secs(10);

/// Bound on the end. A plugin of ours takes two seconds at most.
const END: Duration = Duration::from_secs(5);

impl FakeHost {
    /// Starts a plugin and waits for its line, or for the end of its stdout, or ten seconds.
    ///
    /// Program, arguments, directory and variables of `command` are kept, and this process's
    /// environment is passed on. The plugin is offered the versions 1 to 16, Unix sockets and
    /// TCP, and mutual TLS in builds with the feature `tls`.
    ///
    /// Dropping the future kills the plugin and reaps it. Must run in a tokio runtime.
    ///
    /// # Errors
    ///
    /// `CONFIG_COOKIE`, `CONFIG_SOCKET_DIR`, `SECURITY_KEYGEN`, `HANDSHAKE_SPAWN_FAILED`. What the
    /// plugin does is no error: [`Hosted`] tells it.
    pub async fn start(self, cookie: MagicCookie, command: Command) -> Result<Hosted, Error> {
        let (process, papers) = launch::launch(self, &cookie, command)?;
        let mut hosted = Hosted { host: self, process, papers, line: None };
        hosted.line = hosted.process.line(LIMIT).await;
        if self != Self::NeverReadsStdio {
            hosted.process.drain();
        }
        Ok(hosted)
    }
}

/// A plugin that a [`FakeHost`] started. Dropping it while the plugin runs kills the plugin's
/// process group and reaps the plugin, which takes moments, and a second at most.
pub struct Hosted {
    host: FakeHost,
    process: Process,
    papers: Papers,
    line: Option<String>,
}

impl Hosted {
    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The plugin's first line on stdout, without its newline, whatever it says; `None` if it
    /// printed none.
    #[must_use]
    pub fn line(&self) -> Option<&str> {
        self.line.as_deref()
    }

    /// Connects as this host does, and waits for the first answer.
    ///
    /// Strangers must fail here: one with a certificate of his own with `SECURITY_CLIENT_REFUSED` or
    /// a lost connection, one without TLS with `PROTOCOL_PEER_NOT_GRPC` or a lost connection.
    ///
    /// # Errors
    ///
    /// `HANDSHAKE_…` if the line is no handshake, or there is none; `SECURITY_…`, `TRANSPORT_…` or
    /// `PROTOCOL_…` if the plugin does not let this host in; `TRANSPORT_CONNECT_TIMEOUT` after ten
    /// seconds.
    pub async fn connect(&self) -> Result<PluginChannel, Error> {
        let line = self.line.as_deref().unwrap_or_default();
        let handshake: Handshake = line.parse()?;
        connect::connect(handshake, &self.papers, LIMIT).await
    }

    /// Lets the host go, and waits up to five seconds for the plugin to end.
    ///
    /// A host that [reads nothing](FakeHost::NeverReadsStdio) asks the controller first. All
    /// others leave without a word: they close the plugin's stdin. What is still there after five
    /// seconds is killed, with its process group. Descendants that outlive a plugin which ended by
    /// itself are not looked for.
    ///
    /// Dropping the future kills the plugin and reaps it.
    pub async fn end(mut self) -> Observed {
        if self.host == FakeHost::NeverReadsStdio
            && let Ok(channel) = self.connect().await
        {
            // That the answer does not come, because the plugin ends, is an answer, too.
            let _ = timeout(END, GrpcControllerClient::new(channel).shutdown(Empty {})).await;
        }
        let (status, by_itself) = self.process.end(END).await;
        let stderr = self.process.stderr().await;
        Observed { line: self.line, status, by_itself, stderr }
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted")
            .field("host", &self.host)
            .field("pid", &self.pid())
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// What a plugin did with a [`FakeHost`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Observed {
    /// Its first line on stdout, as [`Hosted::line`].
    pub line: Option<String>,
    /// How it ended; `None` if not even a kill ended it in time.
    pub status: Option<ExitStatus>,
    /// Whether it ended without being killed.
    pub by_itself: bool,
    /// The first 64 KiB of its stderr.
    pub stderr: String,
}
