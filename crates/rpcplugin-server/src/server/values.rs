use std::{path::PathBuf, time::Duration};

use rpcplugin_core::{
    Network,
    config::{Setting, Values},
};
use tracing_subscriber::filter::LevelFilter;

use crate::{Reflection, Server, handle::State, settings::level};

/// What settings say, too: each of these methods names the variable that wins over it.
impl Server {
    /// Adds to the layer of the program.
    pub(super) fn values(mut self, change: impl FnOnce(Values) -> Values) -> Self {
        self.given.values = change(self.given.values);
        self
    }

    /// Time for calls in progress and for the exit, once a stop was asked for: 2 s.
    /// `PLUGIN_GRPC_GRACE_PERIOD`.
    pub fn grpc_grace_period(self, grace: Duration) -> Self {
        self.values(|values| values.grpc_grace_period(grace))
    }

    /// How long [`ServerHandle::ready`](crate::ServerHandle::ready) waits for the server to
    /// listen: 5 s. `PLUGIN_SERVER_READY_TIMEOUT`, from the start on.
    pub fn server_ready_timeout(self, limit: Duration) -> Self {
        self.shared.state.send_replace(State::Starting { limit });
        self.values(|values| values.server_ready_timeout(limit))
    }

    /// Serves only these of the registered versions: all. `SUPPORTED_PROTOCOL_VERSIONS`.
    pub fn supported_protocol_versions(self, versions: impl IntoIterator<Item = u32>) -> Self {
        let versions: Vec<_> = versions.into_iter().collect();
        self.values(|values| values.supported_protocol_versions(versions))
    }

    /// The networks to listen on, in order of preference; a host's own order comes first.
    /// Default: Unix sockets, then TCP; on Windows TCP. `PLUGIN_SERVER_TRANSPORTS`.
    pub fn transports(self, networks: impl IntoIterator<Item = Network>) -> Self {
        let networks: Vec<_> = networks.into_iter().collect();
        self.values(|values| values.server_transports(networks))
    }

    /// The permissions of the socket: 0600, or 0660 where the host gives it to a group. Peers of
    /// other users are served with 0660 alone. `PLUGIN_SERVER_UNIX_SOCKET_MODE`.
    pub fn unix_socket_mode(self, mode: u32) -> Self {
        self.values(|values| values.server_unix_socket_mode(mode))
    }

    /// When to serve reflection: under TLS. `PLUGIN_REFLECTION`.
    pub fn reflection(self, reflection: Reflection) -> Self {
        self.values(|values| values.reflection(reflection))
    }

    /// Whether health checks are answered: yes. Without it no host but rpcplugin's can tell that
    /// the plugin is well. `PLUGIN_HEALTH_SERVICE_ENABLED`.
    pub fn health_service_enabled(self, enabled: bool) -> Self {
        self.values(|values| values.health_service_enabled(enabled))
    }

    /// Largest message accepted, in bytes: 64 MiB. tonic's own limit of 4 MiB for each service
    /// stays until the service's `max_decoding_message_size` raises it.
    /// `PLUGIN_GRPC_MAX_RECEIVE_MESSAGE_SIZE`.
    pub fn grpc_max_receive_message_size(self, bytes: usize) -> Self {
        self.values(|values| values.grpc_max_receive_message_size(bytes))
    }

    /// Largest message sent, in bytes: 64 MiB. `PLUGIN_GRPC_MAX_SEND_MESSAGE_SIZE`.
    pub fn grpc_max_send_message_size(self, bytes: usize) -> Self {
        self.values(|values| values.grpc_max_send_message_size(bytes))
    }

    /// Streams that a peer may open on a connection: 256. `PLUGIN_GRPC_MAX_CONCURRENT_STREAMS`.
    pub fn grpc_max_concurrent_streams(self, streams: u32) -> Self {
        self.values(|values| values.grpc_max_concurrent_streams(streams))
    }

    /// Probes the host after this long without a word, and cuts the connection if
    /// [no answer](Self::grpc_keepalive_timeout) comes. Unless it is set, a plugin does not probe:
    /// a host that is stopped in a debugger comes back. Zero turns it off.
    /// `PLUGIN_GRPC_KEEPALIVE_TIME_MS`.
    pub fn grpc_keepalive_time(self, interval: Duration) -> Self {
        self.values(|values| values.grpc_keepalive_time(interval))
    }

    /// The wait for the answer to such a probe: 5 s. `PLUGIN_GRPC_KEEPALIVE_TIMEOUT_MS`.
    pub fn grpc_keepalive_timeout(self, limit: Duration) -> Self {
        self.values(|values| values.grpc_keepalive_timeout(limit))
    }

    /// Size of the ring for each standard stream, in bytes: 64 KiB. `PLUGIN_STDIO_BUFFER_BYTES`.
    pub fn stdio_buffer_bytes(self, bytes: usize) -> Self {
        self.values(|values| values.stdio_buffer_bytes(bytes))
    }

    /// Lowest level that [`run`](Self::run) logs: INFO. `PLUGIN_LOG_LEVEL`.
    pub fn log_level(self, filter: impl Into<LevelFilter>) -> Self {
        self.values(|values| values.log_level(level(filter.into())))
    }

    /// Whether SIGINT is left to the host, which a terminal's Ctrl-C reaches as well: yes.
    /// Without it SIGINT stops the plugin. `PLUGIN_IGNORE_SIGINT`.
    pub fn ignore_sigint(self, ignore: bool) -> Self {
        self.values(|values| values.ignore_sigint(ignore))
    }

    /// A file whose appearance asks for a stop, for programs that can send no signal; none by
    /// default. What is there from before is removed at the start. The reaction takes at most a
    /// second. `PLUGIN_SHUTDOWN_FILE_PATH`.
    pub fn shutdown_file_path(self, path: impl Into<PathBuf>) -> Self {
        self.values(|values| values.with(Setting::ShutdownFilePath, path.into()))
    }
}

/// The broker of [`Context::broker`](crate::Context::broker).
impl Server {
    /// How long serving and dialling a side channel wait for the host: 5 s.
    /// `PLUGIN_BROKER_TIMEOUT`.
    pub fn broker_timeout(self, limit: Duration) -> Self {
        self.values(|values| values.broker_timeout(limit))
    }

    /// Side channels of the host that are remembered while nobody dials them: 1024.
    /// `PLUGIN_BROKER_MAX_PENDING`.
    pub fn broker_max_pending(self, offers: usize) -> Self {
        self.values(|values| values.broker_max_pending(offers))
    }
}
