use std::{net::SocketAddr, path::PathBuf, time::Duration};

use rpcplugin_broker::BrokerOptions;
use rpcplugin_core::{Address, ConfigError, Network, limits};
use tracing_subscriber::filter::LevelFilter;

use crate::Reflection;

mod broker;

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

/// Everything that the builder sets, with its default.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) signals: Signals,
    pub(crate) transports: Option<Vec<Network>>,
    pub(crate) listen: Option<ListenOn>,
    pub(crate) announce: Option<Address>,
    pub(crate) require_tls: bool,
    pub(crate) detached: bool,
    pub(crate) shutdown_file_path: Option<PathBuf>,
    pub(crate) reflection: Reflection,
    pub(crate) log_level: LevelFilter,
    pub(crate) grace: Duration,
    #[cfg(feature = "tls")]
    pub(crate) connection_timeout: Duration,
    #[cfg(feature = "tls")]
    pub(crate) custom_tls: Option<rpcplugin_tls::CustomTls>,
    #[cfg(feature = "tls")]
    pub(crate) cert_key_type: rpcplugin_tls::KeyType,
    #[cfg(feature = "tls")]
    pub(crate) provider: rpcplugin_tls::Provider,
    pub(crate) receive: usize,
    pub(crate) send: usize,
    pub(crate) max_streams: u32,
    pub(crate) stdio_buffer: usize,
    pub(crate) broker: BrokerOptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signals: Signals::default(),
            transports: None,
            listen: None,
            announce: None,
            require_tls: false,
            detached: false,
            shutdown_file_path: None,
            reflection: Reflection::default(),
            log_level: LevelFilter::INFO,
            grace: limits::GRACE,
            #[cfg(feature = "tls")]
            connection_timeout: limits::CONNECTION_TIMEOUT,
            #[cfg(feature = "tls")]
            custom_tls: None,
            #[cfg(feature = "tls")]
            cert_key_type: rpcplugin_tls::KeyType::default(),
            #[cfg(feature = "tls")]
            provider: rpcplugin_tls::Provider::default(),
            receive: limits::MESSAGE,
            send: limits::MESSAGE,
            max_streams: limits::CONCURRENT_STREAMS,
            stdio_buffer: limits::STDIO_BUFFER,
            broker: BrokerOptions::new(),
        }
    }
}

impl Settings {
    /// No stop takes longer.
    pub(crate) const LONGEST_GRACE: Duration = Duration::from_secs(3600);

    /// Whether every value lies in its range.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` with the setting and its range; `CONFIG_NOT_BUILT` for a key that no
    /// provider of this build makes.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let range = |ok: bool, setting, value: &dyn std::fmt::Debug, expected| {
            let value = format!("{value:?}");
            if ok { Ok(()) } else { Err(ConfigError::Invalid { setting, value, expected }) }
        };
        let bytes = "1024 to 2147483647 bytes";
        let message = 1024..=i32::MAX as usize;
        range(
            message.contains(&self.receive),
            "grpc_max_receive_message_size",
            &self.receive,
            bytes,
        )?;
        range(message.contains(&self.send), "grpc_max_send_message_size", &self.send, bytes)?;
        range(
            (1..=1_000_000).contains(&self.max_streams),
            "grpc_max_concurrent_streams",
            &self.max_streams,
            "1 to 1000000 streams",
        )?;
        range(
            (4096..=1 << 30).contains(&self.stdio_buffer),
            "stdio_buffer_bytes",
            &self.stdio_buffer,
            "4096 to 1073741824 bytes",
        )?;
        range(
            self.grace <= Self::LONGEST_GRACE,
            "grpc_grace_period",
            &self.grace,
            "at most one hour",
        )?;
        self.broker.check()?;
        #[cfg(feature = "tls")]
        self.provider.check(self.cert_key_type)?;
        let transports = self.transports.as_deref();
        range(
            transports.is_none_or(|list| !list.is_empty()),
            "transports",
            &transports,
            "at least one of unix and tcp",
        )
    }
}
