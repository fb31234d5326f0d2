use rpcplugin_core::{Address, ConfigError, Error, Reattach};

use crate::{Builder, Client, plan::Plan, start};

impl Builder {
    /// Joins a plugin that runs already, by its [`Reattach`] record.
    ///
    /// The plugin must be the process that the record was made for: its start, its user and the
    /// owner of the socket are compared before a byte or a signal is sent to anybody. On Linux one
    /// host at a time holds a plugin; the other one is refused until this host lets go, or dies.
    /// Health, output and side channels are opened anew.
    ///
    /// With `test` in the record the plugin is somebody else's: shutting down or dropping the
    /// client closes its connections, and no more. Otherwise the plugin is this host's from here
    /// on, as if it had been [spawned](Builder::spawn), except that its exit status is unknown.
    /// Other systems than Linux have no handle on a process that is nobody's child, so there no
    /// plugin is this host's: it is left running. One that is has no
    /// [`max_lifetime`](Builder::max_lifetime).
    ///
    /// With [`Tls::Auto`](crate::Tls::Auto) the record must hold the plugin's certificate, and
    /// this host needs the [identity](Builder::host_identity) of the host before it. A plugin in
    /// test mode serves plaintext, and has to be attached with
    /// [`Tls::Plaintext`](crate::Tls::Plaintext).
    ///
    /// Settings that concern the start of a process have no effect. Multiplexing is agreed on at
    /// the start, so a host that asks for it is refused: `HANDSHAKE_MUX_UNSUPPORTED`. Dropping the future leaves
    /// the plugin alone, and so does every error.
    ///
    /// # Errors
    ///
    /// `CONFIG_…`; `HANDSHAKE_VERSION_MISMATCH`, `HANDSHAKE_TRANSPORT_MISMATCH`,
    /// `SECURITY_ADDRESS_FORBIDDEN`, `SECURITY_REATTACH_NEEDS_TLS`, `SECURITY_CERT_UNEXPECTED`,
    /// `SECURITY_CERT_INVALID` and `SECURITY_REATTACH_STALE` before anything is sent;
    /// `TRANSPORT_REATTACH_IN_USE`; `SECURITY_PEER_CREDENTIALS` if another process has taken the
    /// socket, `SECURITY_REATTACH_PID_MISMATCH` if the record does not prove its process id and
    /// that may be what is wrong; and those of connecting, as for [`spawn`](Builder::spawn).
    ///
    /// # Example
    ///
    /// ```no_run
    /// use rpcplugin_client::{Client, Reattach, Tls};
    /// use rpcplugin_core::MagicCookie;
    ///
    /// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let record = Reattach::from_json(&std::env::var("KV_REATTACH")?, "kv")?;
    /// let plugin = Client::builder(COOKIE).tls(Tls::Plaintext).attach(record).await?;
    /// plugin.ping().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn attach(self, record: Reattach) -> Result<Client, Error> {
        start::attach(Plan::new(self)?, record).await
    }

    /// [`attach`](Builder::attach) by the record with this name in a variable of this process's
    /// environment, such as `TF_REATTACH_PROVIDERS`.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` if the variable is not set or not text, those of
    /// [`Reattach::from_json`], and as `attach`.
    pub async fn attach_variable(self, variable: &str, name: &str) -> Result<Client, Error> {
        let value = match &self.environment {
            Some(given) => {
                let found = given.iter().find(|(name, _)| *name == *variable);
                found.map(|(_, value)| value.clone())
            }
            None => std::env::var_os(variable),
        };
        let json = value.and_then(|value| value.into_string().ok());
        let json = json.ok_or_else(|| ConfigError::Invalid {
            setting: "reattach",
            value: rpcplugin_core::escape_text(variable),
            expected: "a variable that is set to JSON",
        })?;
        let record = Reattach::from_json(&json, name)?;
        self.attach(record).await
    }

    /// Joins a plugin that somebody else runs, at an address of the caller's choice: one that
    /// serves [standalone], in a container, or on another machine.
    ///
    /// Off this machine that takes [`Tls::Custom`](crate::Tls), which proves both sides. Within
    /// it [`Tls::Plaintext`](crate::Tls::Plaintext) will do, and then the listener must belong to
    /// this user unless [`AddressException::AnyOwner`](crate::AddressException::AnyOwner) is
    /// allowed. [`Tls::Auto`](crate::Tls::Auto) is for plugins that a host starts.
    ///
    /// The plugin is not this host's: shutting down or dropping the client closes its connections,
    /// and no more. It has no [`max_lifetime`](Builder::max_lifetime), and [`Client::pid`] is 0. There is no handshake in which versions could be agreed
    /// on: both sides take the highest that they know.
    ///
    /// [standalone]: https://docs.rs/rpcplugin-server/latest/rpcplugin_server/struct.Server.html#method.standalone
    ///
    /// # Errors
    ///
    /// `CONFIG_…`; `TRANSPORT_INVALID_ENDPOINT` for an address that cannot be dialled;
    /// `SECURITY_TLS_REQUIRED` without the certificates that it takes; `SECURITY_CERT_UNTRUSTED`,
    /// `SECURITY_CERT_EXPIRED`; and those of connecting, as for [`spawn`](Builder::spawn).
    pub async fn connect(self, address: Address) -> Result<Client, Error> {
        start::connect(Plan::new(self)?, address).await
    }

    /// What [`attach`](Builder::attach) shows to a plugin of another host before this one:
    /// [`Client::host_identity`] of that host, which the application handed over. No other start
    /// uses it.
    #[cfg(feature = "tls")]
    pub fn host_identity(mut self, identity: rpcplugin_tls::Identity) -> Self {
        self.options.host_identity = Some(identity);
        self
    }
}
