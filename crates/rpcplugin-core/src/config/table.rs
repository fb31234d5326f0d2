//! The settings. Whatever is said of one anywhere follows its row here: reader, range, default,
//! errors, documents.
//!
//! A row is: name, accessor, type that a program gives, what the accessor returns; variable; form
//! with its range; default; who reads it; whether it may change while running.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    CertKeyType, LogLevel, ReflectionMode, Secret, TlsMinVersion,
    form::{
        Form::{
            self, AbsolutePath, Bytes, Certificates, Flag, Ip, Key, Mode, Networks, Number, Paths,
            Port, Text, Time, Variable, Variables, Versions,
        },
        Unit::{Milliseconds, Seconds, WholeSeconds},
        Zero::{NoLimit, Off, Plain},
    },
    setting::{
        Preset::{self, Count, Is, Lasts, Unset, Word},
        Reader::{Both, Host, Plugin},
        settings,
    },
};
use crate::{Network, limits};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

const MS_100: Duration = millis(100);
const MINUTES_5: Duration = seconds(300);
const HOUR: Duration = seconds(3600);
const DAY: Duration = seconds(86_400);
const YEAR: Duration = seconds(31_536_000);
/// As much as every peer can count.
const MAX_MESSAGE: u64 = i32::MAX as u64;
/// See [`Network::preferred`].
const TRANSPORTS: Preset = Word(if cfg!(windows) { "tcp" } else { "unix,tcp" });

settings! {
    "Sources":
    /// configuration files, in order, after those that the program names
    Files: files(Vec<PathBuf>), "PLUGIN_CONFIG_FILE", Paths, Unset, Both;
    /// the profile to overlay
    Profile: profile(&str), "PLUGIN_PROFILE", Text, Unset, Both;
    "Cookie":
    /// the cookie's variable, for programs that take their cookie from the configuration
    MagicCookieKey: magic_cookie_key(&str) -> required &str, "PLUGIN_MAGIC_COOKIE_KEY", Variable, Word("PLUGIN_MAGIC_COOKIE"), Both;
    /// the cookie's value, for programs that take their cookie from the configuration
    MagicCookieValue: magic_cookie_value(Secret) -> optional &Secret, "PLUGIN_MAGIC_COOKIE_VALUE", Form::Secret, Unset, Both;
    "Versions and transports":
    /// application versions that the host announces
    HostProtocolVersions: host_protocol_versions(Vec<u32>) -> required &[u32], "PLUGIN_HOST_PROTOCOL_VERSIONS", Versions, Word("1"), Host;
    /// serve only these of the registered versions
    SupportedProtocolVersions: supported_protocol_versions(Vec<u32>) -> optional &[u32], "SUPPORTED_PROTOCOL_VERSIONS", Versions, Unset, Plugin;
    /// transports that the host announces, in order
    ClientTransports: client_transports(Vec<Network>) -> required &[Network], "PLUGIN_CLIENT_TRANSPORTS", Networks, TRANSPORTS, Host;
    /// transports that the plugin allows; their order counts if the host announces none
    ServerTransports: server_transports(Vec<Network>) -> required &[Network], "PLUGIN_SERVER_TRANSPORTS", Networks, TRANSPORTS, Plugin;
    /// TCP address to bind
    ServerHost: server_host(IpAddr) -> required IpAddr, "PLUGIN_SERVER_HOST", Ip, Word("127.0.0.1"), Plugin;
    /// TCP port to bind; 0 takes one of the host's range, or the system's choice
    ServerPort: server_port(u16) -> required u16, "PLUGIN_SERVER_PORT", Port, Count(0), Plugin;
    /// the address to announce instead of the bound one
    ServerAdvertiseHost: server_advertise_host(&str) -> optional &str, "PLUGIN_SERVER_ADVERTISE_HOST", Form::Host, Unset, Plugin;
    /// exact path of the socket, for standalone servers and hosts that allow it
    ServerUnixSocketPath: server_unix_socket_path(PathBuf) -> optional &Path, "PLUGIN_SERVER_UNIX_SOCKET_PATH", AbsolutePath, Unset, Plugin;
    /// permissions of the socket
    ServerUnixSocketMode: server_unix_socket_mode(u32) -> required u32, "PLUGIN_SERVER_UNIX_SOCKET_MODE", Mode, Word("0600"), Plugin;
    /// where private directories for sockets are made, instead of the runtime or temporary directory
    HostUnixSocketDir: host_unix_socket_dir(PathBuf) -> optional &Path, "PLUGIN_HOST_UNIX_SOCKET_DIR", AbsolutePath, Unset, Host;
    /// the group, by name or number, that may connect
    HostUnixSocketGroup: host_unix_socket_group(&str) -> optional &str, "PLUGIN_HOST_UNIX_SOCKET_GROUP", Text, Unset, Host;
    /// lowest TCP port for plugins; 0 for both leaves the choice to the system
    HostMinPort: host_min_port(u16) -> required u16, "PLUGIN_HOST_MIN_PORT", Port, Count(10_000), Host;
    /// highest TCP port for plugins
    HostMaxPort: host_max_port(u16) -> required u16, "PLUGIN_HOST_MAX_PORT", Port, Count(25_000), Host;
    /// ask for the multiplexed broker
    HostMultiplexGrpc: host_multiplex_grpc(bool) -> required bool, "PLUGIN_HOST_MULTIPLEX_GRPC", Flag, Is(false), Host;
    "Times":
    /// the whole of spawn
    StartTimeout: start_timeout(Duration) -> required Duration, "PLUGIN_START_TIMEOUT", Time(Seconds, MS_100, HOUR, Plain), Lasts(limits::START_TIMEOUT), Host;
    /// from launch to the complete handshake line
    HandshakeTimeout: handshake_timeout(Duration) -> required Duration, "PLUGIN_HANDSHAKE_TIMEOUT", Time(Seconds, MS_100, HOUR, Plain), Lasts(limits::HANDSHAKE_TIMEOUT), Host;
    /// for connecting, and again for the TLS handshake
    ConnectionTimeout: connection_timeout(Duration) -> required Duration, "PLUGIN_CONNECTION_TIMEOUT", Time(Seconds, MS_100, HOUR, Plain), Lasts(limits::CONNECTION_TIMEOUT), Both;
    /// from the handshake line to the first answer
    ChannelReadyTimeout: channel_ready_timeout(Duration) -> required Duration, "PLUGIN_CHANNEL_READY_TIMEOUT", Time(Seconds, MS_100, MINUTES_5, Plain), Lasts(limits::CHANNEL_READY_TIMEOUT), Host;
    /// from the start of serve to listening
    ServerReadyTimeout: server_ready_timeout(Duration) -> required Duration, "PLUGIN_SERVER_READY_TIMEOUT", Time(Seconds, MS_100, MINUTES_5, Plain), Lasts(limits::SERVER_READY_TIMEOUT), Plugin;
    /// deadline of calls that have none, streams included
    ClientRequestTimeout: client_request_timeout(Duration) -> unless_zero Duration, "PLUGIN_CLIENT_REQUEST_TIMEOUT", Time(Seconds, millis(1), DAY, NoLimit), Lasts(Duration::ZERO), Host, reloadable;
    /// the host's wait after Shutdown, and the plugin's time to drain
    GrpcGracePeriod: grpc_grace_period(Duration) -> required Duration, "PLUGIN_GRPC_GRACE_PERIOD", Time(Seconds, Duration::ZERO, HOUR, Plain), Lasts(limits::GRACE), Both, reloadable;
    /// the wait after SIGTERM
    TerminateTimeout: terminate_timeout(Duration) -> required Duration, "PLUGIN_TERMINATE_TIMEOUT", Time(Seconds, Duration::ZERO, seconds(60), Plain), Lasts(limits::TERMINATE_TIMEOUT), Host, reloadable;
    /// end the plugin after this long
    MaxLifetime: max_lifetime(Duration) -> unless_zero Duration, "PLUGIN_MAX_LIFETIME_S", Time(Seconds, Duration::ZERO, Duration::MAX, NoLimit), Lasts(Duration::ZERO), Host;
    /// the wait for the answer to ping
    HealthCheckTimeout: health_check_timeout(Duration) -> required Duration, "PLUGIN_HEALTH_CHECK_TIMEOUT", Time(Seconds, millis(10), MINUTES_5, Plain), Lasts(limits::PING_TIMEOUT), Host;
    /// the wait for the other side of a side channel
    BrokerTimeout: broker_timeout(Duration) -> required Duration, "PLUGIN_BROKER_TIMEOUT", Time(Seconds, MS_100, MINUTES_5, Plain), Lasts(limits::BROKER_TIMEOUT), Both;
    /// time between liveness probes; a plugin probes its host only if this is set
    GrpcKeepaliveTime: grpc_keepalive_time(Duration) -> unless_zero Duration, "PLUGIN_GRPC_KEEPALIVE_TIME_MS", Time(Milliseconds, seconds(1), HOUR, Off), Lasts(limits::KEEPALIVE), Both;
    /// the wait for the answer to a liveness probe
    GrpcKeepaliveTimeout: grpc_keepalive_timeout(Duration) -> required Duration, "PLUGIN_GRPC_KEEPALIVE_TIMEOUT_MS", Time(Milliseconds, MS_100, seconds(600), Plain), Lasts(limits::KEEPALIVE_TIMEOUT), Both;
    "Security":
    /// one-time certificates for each start; without them own ones are needed
    AutoMtls: auto_mtls(bool) -> required bool, "PLUGIN_AUTO_MTLS", Flag, Is(true), Both;
    /// plaintext, chosen on purpose; not beside any demand for TLS
    Insecure: insecure(bool) -> required bool, "PLUGIN_INSECURE", Flag, Is(false), Both;
    /// refuse a host that brings no certificate
    ServerRequireTls: server_require_tls(bool) -> required bool, "PLUGIN_SERVER_REQUIRE_TLS", Flag, Is(false), Plugin;
    /// the oldest TLS that is accepted
    TlsMinVersion: tls_min_version(TlsMinVersion) -> required TlsMinVersion, "PLUGIN_TLS_MIN_VERSION", Form::TlsMinVersion, Word("1.2"), Both;
    /// the host's own certificate, with its chain
    HostCert: host_cert(&str) -> optional &str, "PLUGIN_HOST_CERT", Certificates, Unset, Host;
    /// the key of the host's certificate
    HostKey: host_key(Secret) -> optional &Secret, "PLUGIN_HOST_KEY", Key, Unset, Host;
    /// who may have issued the plugin's certificate
    ServerRootCerts: server_root_certs(&str) -> optional &str, "PLUGIN_SERVER_ROOT_CERTS", Certificates, Unset, Host, reloadable;
    /// the plugin's own certificate, with its chain
    ServerCert: server_cert(&str) -> optional &str, "PLUGIN_SERVER_CERT", Certificates, Unset, Plugin, reloadable;
    /// the key of the plugin's certificate
    ServerKey: server_key(Secret) -> optional &Secret, "PLUGIN_SERVER_KEY", Key, Unset, Plugin, reloadable;
    /// who may have issued the host's certificate
    ClientRootCerts: client_root_certs(&str) -> optional &str, "PLUGIN_CLIENT_ROOT_CERTS", Certificates, Unset, Plugin, reloadable;
    /// roots for either side where its own are not set
    CaCert: ca_cert(&str) -> optional &str, "PLUGIN_CA_CERT", Certificates, Unset, Both, reloadable;
    /// the directory in which certificates are kept
    MtlsCertDir: mtls_cert_dir(PathBuf) -> optional &Path, "PLUGIN_MTLS_CERT_DIR", Form::Path, Unset, Both, reloadable;
    /// life of certificates made here, one-time ones excepted
    CertValidityDays: cert_validity_days(u32) -> required u32, "PLUGIN_CERT_VALIDITY_DAYS", Number(1, 10_957, Plain), Count(365), Both;
    /// renew certificates with this many days left
    CertRotationDays: cert_rotation_days(u32) -> unless_zero u32, "PLUGIN_CERT_ROTATION_DAYS", Number(1, 10_956, Off), Count(30), Both, reloadable;
    /// the kind of key of certificates made here
    CertKeyType: cert_key_type(CertKeyType) -> required CertKeyType, "PLUGIN_CERT_KEY_TYPE", Form::CertKeyType, Word("p256"), Both;
    "Services and messages":
    /// the largest message accepted
    GrpcMaxReceiveMessageSize: grpc_max_receive_message_size(usize) -> required usize, "PLUGIN_GRPC_MAX_RECEIVE_MESSAGE_SIZE", Bytes(1024, MAX_MESSAGE, Plain), Count(limits::MESSAGE as u64), Both;
    /// the largest message sent
    GrpcMaxSendMessageSize: grpc_max_send_message_size(usize) -> required usize, "PLUGIN_GRPC_MAX_SEND_MESSAGE_SIZE", Bytes(1024, MAX_MESSAGE, Plain), Count(limits::MESSAGE as u64), Both;
    /// streams that a peer may open on one connection
    GrpcMaxConcurrentStreams: grpc_max_concurrent_streams(u32) -> required u32, "PLUGIN_GRPC_MAX_CONCURRENT_STREAMS", Number(1, 1_000_000, Plain), Count(limits::CONCURRENT_STREAMS as u64), Both;
    /// side channels that were offered and nobody has claimed
    BrokerMaxPending: broker_max_pending(usize) -> required usize, "PLUGIN_BROKER_MAX_PENDING", Number(1, 65_536, Plain), Count(limits::BROKER_PENDING as u64), Both;
    /// when reflection is served
    Reflection: reflection(ReflectionMode) -> required ReflectionMode, "PLUGIN_REFLECTION", Form::ReflectionMode, Word("tls"), Plugin;
    /// serve health; without it go-plugin hosts cannot ping
    HealthServiceEnabled: health_service_enabled(bool) -> required bool, "PLUGIN_HEALTH_SERVICE_ENABLED", Flag, Is(true), Plugin;
    "Process":
    /// the lowest level that the plugin writes and the host passes on
    LogLevel: log_level(LogLevel) -> required LogLevel, "PLUGIN_LOG_LEVEL", Form::LogLevel, Word("INFO"), Both, reloadable;
    /// a file whose appearance asks for a stop
    ShutdownFilePath: shutdown_file_path(PathBuf) -> optional &Path, "PLUGIN_SHUTDOWN_FILE_PATH", Form::Path, Unset, Plugin;
    /// leave Ctrl-C to the host
    IgnoreSigint: ignore_sigint(bool) -> required bool, "PLUGIN_IGNORE_SIGINT", Flag, Is(true), Plugin;
    /// pass the host's environment to its plugins
    InheritEnv: inherit_env(bool) -> required bool, "PLUGIN_INHERIT_ENV", Flag, Is(false), Host;
    /// further variables to pass to plugins
    EnvAllow: env_allow(Vec<String>) -> or_empty &[String], "PLUGIN_ENV_ALLOW", Variables, Unset, Host;
    /// resident memory of a plugin
    LimitMemory: limit_memory(u64) -> unless_zero u64, "PLUGIN_LIMIT_MEMORY_BYTES", Bytes(1 << 20, u64::MAX, NoLimit), Count(0), Host;
    /// processor time of a plugin
    LimitCpuTime: limit_cpu_time(Duration) -> unless_zero Duration, "PLUGIN_LIMIT_CPU_SECONDS", Time(WholeSeconds, seconds(1), YEAR, NoLimit), Lasts(Duration::ZERO), Host;
    /// descriptors that a plugin may have open
    LimitOpenFiles: limit_open_files(u64) -> unless_zero u64, "PLUGIN_LIMIT_OPEN_FILES", Number(16, 1_048_576, NoLimit), Count(0), Host;
    /// processes and threads of a plugin
    LimitProcesses: limit_processes(u64) -> unless_zero u64, "PLUGIN_LIMIT_PROCESSES", Number(1, 4_194_304, NoLimit), Count(0), Host;
    /// the largest file that a plugin may write
    LimitFileSize: limit_file_size(u64) -> unless_zero u64, "PLUGIN_LIMIT_FILE_SIZE_BYTES", Bytes(1, u64::MAX, NoLimit), Count(0), Host;
    /// lines of stderr kept for reports
    StderrTailLines: stderr_tail_lines(usize) -> required usize, "PLUGIN_STDERR_TAIL_LINES", Number(0, 10_000, Plain), Count(limits::STDERR_TAIL_LINES as u64), Host;
    /// the ring for each standard stream
    StdioBufferBytes: stdio_buffer_bytes(usize) -> required usize, "PLUGIN_STDIO_BUFFER_BYTES", Bytes(4096, 1 << 30, Plain), Count(limits::STDIO_BUFFER as u64), Both;
}
