//! What a start goes by: the settings, resolved, and what no setting says.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use rpcplugin_core::{
    Address, Config, Error,
    config::{Setting, Source, Values},
};

mod broker;
mod words;

pub(crate) use self::words::{filter, level};

/// Where a plugin listens, instead of where its host would have it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ListenOn {
    /// At this address; port 0 is the system's choice. Off loopback only with mutual TLS; at an
    /// unspecified IP (`0.0.0.0`, `::`) only with another to [announce](crate::Server::announce).
    Tcp(SocketAddr),
    /// At exactly this absolute path, in a directory that exists. A file that is there already is
    /// never replaced.
    Unix(PathBuf),
}

/// Who takes care of signals.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Signals {
    /// The embedding program, in whatever way.
    #[default]
    Leave,
    /// The server: SIGTERM and SIGHUP stop it, a second one ends the process at once, and SIGINT
    /// is left to the host; a [standalone](crate::Server::standalone) server has none, and stops
    /// then, too.
    Handle,
}

/// What only a program can choose. Each has a default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) signals: Signals,
    /// Where to listen is the program's choice, and no host has a say in it.
    pub(crate) exactly: bool,
    pub(crate) announce: Option<Address>,
    pub(crate) detached: bool,
    #[cfg(feature = "tls")]
    pub(crate) custom_tls: Option<rpcplugin_tls::CustomTls>,
    #[cfg(feature = "tls")]
    pub(crate) provider: rpcplugin_tls::Provider,
}

/// Everything that a builder was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    pub(crate) options: Options,
    /// The layer of the program.
    pub(crate) values: Values,
    /// `None`: the environment's, when the server starts.
    pub(crate) config: Option<Config>,
}

/// Settings that fit together. Nothing has happened yet.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) options: Options,
    pub(crate) values: Values,
    pub(crate) config: Config,
}

impl Given {
    /// Listens there, whatever the host asks for.
    pub(crate) fn listen(&mut self, listen: ListenOn) {
        use rpcplugin_core::Network::{Tcp, Unix};
        let values = std::mem::take(&mut self.values);
        self.options.exactly = true;
        self.values = match listen {
            ListenOn::Tcp(address) => {
                let values = values.server_host(address.ip()).server_port(address.port());
                values.server_transports(vec![Tcp])
            }
            ListenOn::Unix(path) => {
                values.server_unix_socket_path(path).server_transports(vec![Unix])
            }
        };
    }

    /// Puts the layers together. `variables` count unless the program gave a configuration.
    ///
    /// # Errors
    ///
    /// As [`ConfigBuilder::build`](rpcplugin_core::config::ConfigBuilder::build); `CONFIG_NOT_BUILT`
    /// or `CONFIG_INVALID` for a key that the provider does not make.
    pub(crate) fn resolve(self, variables: Vec<(OsString, OsString)>) -> Result<Settings, Error> {
        let Self { options, values, config } = self;
        let config = match config {
            Some(config) => config.with_program(values.clone())?,
            None => Config::builder().program(values.clone()).environment(variables).build()?,
        };
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let settings = Settings { options, values, config };
        #[cfg(feature = "tls")]
        settings.options.provider.check(settings.key_type())?;
        Ok(settings)
    }
}

#[cfg(test)]
impl Settings {
    /// Those of a program alone.
    pub(crate) fn of(values: Values) -> Self {
        Given { values, ..Given::default() }.resolve(Vec::new()).unwrap()
    }
}

impl Settings {
    /// No stop takes longer.
    pub(crate) const LONGEST_GRACE: Duration = Duration::from_secs(3600);

    /// Time between probes of the host, and the wait for an answer; `None` without probes.
    ///
    /// Nobody is probed unless somebody says so: a host may be stopped in a debugger for hours, and
    /// its end shows elsewhere.
    pub(crate) fn keepalive(&self) -> Option<(Duration, Duration)> {
        let is_set = self.is_set(Setting::GrpcKeepaliveTime);
        let interval = self.config.grpc_keepalive_time().filter(|_| is_set)?;
        Some((interval, self.config.grpc_keepalive_timeout()))
    }

    /// The socket's permissions, if somebody chose them.
    #[cfg(unix)]
    pub(crate) fn socket_mode(&self) -> Option<u32> {
        let is_set = self.is_set(Setting::ServerUnixSocketMode);
        is_set.then(|| self.config.server_unix_socket_mode())
    }

    /// Whether the socket's permissions are meant for other users, too.
    pub(crate) fn opens_socket(&self) -> bool {
        self.config.server_unix_socket_mode() & 0o060 != 0
    }

    fn is_set(&self, setting: Setting) -> bool {
        self.config.entry(setting).source != Source::Default
    }

    /// The kind of key of this plugin's one-time certificates.
    #[cfg(feature = "tls")]
    pub(crate) fn key_type(&self) -> rpcplugin_tls::KeyType {
        self.config.cert_key_type().into()
    }
}
