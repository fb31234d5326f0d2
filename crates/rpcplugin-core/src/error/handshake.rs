use std::{borrow::Cow, io, path::PathBuf, time::Duration};

use super::{Facts, diagnosis, fatal, retryable};
use crate::{ExitStatus, Network, limits};

/// A plugin did not start, or did not introduce itself as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The program, its interpreter or the directory to start in does not exist.
    #[error("{missing} not found: {}", path.display())]
    SpawnNotFound {
        /// Which of the three is missing.
        missing: MissingPart,
        /// Its path, as resolved.
        path: PathBuf,
    },
    /// The program may not be executed.
    #[error("not permitted to run {}: {detail}", path.display())]
    SpawnDenied {
        /// The program.
        path: PathBuf,
        /// Its type, mode and owner.
        detail: String,
    },
    /// The program is not one that this machine can run.
    #[error("{} cannot run on this machine: {detail}", path.display())]
    SpawnFormat {
        /// The program.
        path: PathBuf,
        /// What it is, and what would be needed.
        detail: String,
    },
    /// Arguments and environment are larger than the system allows.
    #[error("arguments and environment are too long: {size} bytes")]
    SpawnArgsTooLong {
        /// Their size together.
        size: usize,
    },
    /// The system has no process, descriptor or memory left.
    #[error("the system has no resources to start a process")]
    SpawnResources {
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The system refused for another reason.
    #[error("could not start {}", path.display())]
    SpawnFailed {
        /// The program.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The process ended before it was ready.
    #[error("plugin exited before it was ready: {status}{}", reason.as_deref().map(|r| format!(": {r}")).unwrap_or_default())]
    PluginExited {
        /// How it ended.
        status: ExitStatus,
        /// The plugin's own words: its coded reason, or the last line of its stderr.
        reason: Option<String>,
        /// What the plugin itself advises, if its reason came with a hint.
        hint: Option<String>,
    },
    /// No complete handshake line came in time.
    #[error("no handshake line within {limit:?}")]
    Timeout {
        /// The time that was allowed.
        limit: Duration,
    },
    /// Plugin side: the magic cookie is absent or different.
    #[error("this program is a plugin and was not started by its host: {key} {}", if *present { "has another value" } else { "is not set" })]
    NotLaunched {
        /// The cookie's variable.
        key: String,
        /// Whether the variable was set at all.
        present: bool,
    },
    /// The first line on stdout is something else.
    #[error("not a handshake line: \"{line}\"")]
    NotAHandshake {
        /// The line, escaped and cut.
        line: String,
    },
    /// The first line does not end.
    #[error("handshake line is longer than {} bytes: \"{start}…\"", limits::HANDSHAKE_LINE)]
    LineTooLong {
        /// How it begins, escaped.
        start: String,
    },
    /// The first line is not text.
    #[error("handshake line is not UTF-8: \"{line}\"")]
    LineNotUtf8 {
        /// The line, escaped and cut.
        line: String,
    },
    /// The line begins like a handshake and is too short.
    #[error("handshake line has {count} fields, at least 4 are needed: \"{line}\"")]
    FieldCount {
        /// How many fields it has.
        count: usize,
        /// The line, escaped and cut.
        line: String,
    },
    /// The plugin was built for another core protocol.
    #[error("plugin speaks core protocol {found:?}, this host speaks 1")]
    CoreVersion {
        /// What the plugin announced, escaped.
        found: String,
    },
    /// The plugin speaks no application version that this host knows.
    #[error("plugin speaks protocol version {plugin:?}, this host knows {host:?}")]
    VersionMismatch {
        /// What the plugin announced, escaped.
        plugin: String,
        /// The host's versions.
        host: Vec<u32>,
    },
    /// The plugin listens on a network that this host did not allow.
    #[error("plugin listens on {plugin}, this host allows {}", list(host))]
    TransportMismatch {
        /// The plugin's network.
        plugin: Network,
        /// The host's networks.
        host: Vec<Network>,
    },
    /// The announced address has no valid form.
    #[error("plugin announced an unusable address, {network} {address:?}: {reason}")]
    Address {
        /// The network field, escaped.
        network: String,
        /// The address field, escaped.
        address: String,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The plugin speaks something other than gRPC.
    #[error("plugin speaks {protocol:?}, this host speaks grpc")]
    ProtocolUnsupported {
        /// The protocol, escaped; `netrpc` where the field is absent.
        protocol: String,
    },
    /// Multiplexing was asked for and not granted.
    #[error("plugin does not multiplex its connections, and this host needs it")]
    MuxUnsupported,
}

/// What the system could not find when a plugin was started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MissingPart {
    /// The executable itself.
    Program,
    /// The interpreter that its first line, or its ELF header, names.
    Interpreter,
    /// The directory that it was to start in.
    Directory,
}

impl std::fmt::Display for MissingPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Program => "program",
            Self::Interpreter => "interpreter",
            Self::Directory => "working directory",
        })
    }
}

impl HandshakeError {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::SpawnNotFound { missing: MissingPart::Program, .. } => fatal(
                "HANDSHAKE_SPAWN_NOT_FOUND",
                "check the path; a bare name is looked up in PATH",
            ),
            Self::SpawnNotFound { missing: MissingPart::Interpreter, .. } => fatal(
                "HANDSHAKE_SPAWN_NOT_FOUND",
                "install the interpreter, or correct the first line of the script",
            ),
            Self::SpawnNotFound { missing: MissingPart::Directory, .. } => fatal(
                "HANDSHAKE_SPAWN_NOT_FOUND",
                "create the directory given to Command::current_dir",
            ),
            Self::SpawnDenied { .. } => {
                fatal("HANDSHAKE_SPAWN_DENIED", "make it executable for this user: chmod +x")
            }
            Self::SpawnFormat { .. } => fatal(
                "HANDSHAKE_SPAWN_FORMAT",
                "build the plugin for this machine, or give a script its #! line",
            ),
            Self::SpawnArgsTooLong { .. } => {
                fatal("HANDSHAKE_SPAWN_ARGS_TOO_LONG", "pass large values in a file instead")
            }
            Self::SpawnResources { .. } => retryable(
                "HANDSHAKE_SPAWN_RESOURCES",
                "raise the limits on processes or open files (ulimit -u, ulimit -n), or stop something",
            ),
            Self::SpawnFailed { .. } => {
                fatal("HANDSHAKE_SPAWN_FAILED", "the cause below is the system's own")
            }
            Self::PluginExited { status, reason, hint } => fatal(
                "HANDSHAKE_PLUGIN_EXITED",
                exit_hint(*status, reason.as_deref(), hint.as_deref()),
            ),
            Self::Timeout { .. } => retryable(
                "HANDSHAKE_TIMEOUT",
                "is it a plugin? raise handshake_timeout (PLUGIN_HANDSHAKE_TIMEOUT) if it only starts slowly",
            ),
            Self::NotLaunched { .. } => fatal(
                "HANDSHAKE_NOT_LAUNCHED",
                "start it through its host; host and plugin must share one magic cookie",
            ),
            Self::NotAHandshake { .. } => fatal(
                "HANDSHAKE_NOT_A_HANDSHAKE",
                "something prints before the plugin does; remove it, or set lenient_banner(true)",
            ),
            Self::LineTooLong { .. } => fatal(
                "HANDSHAKE_LINE_TOO_LONG",
                "a plugin prints 1|version|network|address|grpc| and a newline",
            ),
            Self::LineNotUtf8 { .. } => fatal(
                "HANDSHAKE_LINE_NOT_UTF8",
                "a plugin prints 1|version|network|address|grpc| and a newline",
            ),
            Self::FieldCount { .. } => fatal(
                "HANDSHAKE_FIELD_COUNT",
                "expected 1|version|network|address|grpc|certificate",
            ),
            Self::CoreVersion { .. } => {
                fatal("HANDSHAKE_CORE_VERSION", "the plugin was built for another framework")
            }
            Self::VersionMismatch { .. } => {
                fatal("HANDSHAKE_VERSION_MISMATCH", "update the older of the two")
            }
            Self::TransportMismatch { .. } => fatal(
                "HANDSHAKE_TRANSPORT_MISMATCH",
                "allow the plugin's network with transports([…]), or set another in the plugin",
            ),
            Self::Address { .. } => fatal(
                "HANDSHAKE_ADDRESS",
                "a plugin announces an absolute socket path, or an IP literal with a port",
            ),
            Self::ProtocolUnsupported { .. } => fatal(
                "HANDSHAKE_PROTOCOL_UNSUPPORTED",
                "build the plugin with gRPC: go-plugin's net/rpc mode is not spoken",
            ),
            Self::MuxUnsupported => fatal(
                "HANDSHAKE_MUX_UNSUPPORTED",
                "turn multiplexing off on the host (PLUGIN_HOST_MULTIPLEX_GRPC=false), or update the plugin",
            ),
        }
    }
}

diagnosis!(HandshakeError);

/// What to do about an early exit: what the plugin's words lead to, or else its silence.
fn exit_hint(status: ExitStatus, reason: Option<&str>, hint: Option<&str>) -> Cow<'static, str> {
    // The code of our plugins, and where go-plugin's sentence on the same subject ends.
    const NO_COOKIE: &[&str] = &["HANDSHAKE_NOT_LAUNCHED", "load any plugins automatically"];
    match (reason, hint, status) {
        (Some(reason), _, _) if NO_COOKIE.iter().any(|words| reason.contains(words)) => {
            "host and plugin must share one magic cookie".into()
        }
        (_, Some(hint), _) => format!("the plugin's own hint: {hint}").into(),
        (Some(_), None, _) => "the report holds the plugin's last words".into(),
        (None, None, ExitStatus::Code(0)) => {
            "its main returned without serving: does it await Server::run?".into()
        }
        (None, None, ExitStatus::Signal { .. }) => {
            "it crashed, or the system or somebody killed it: look at the system's log".into()
        }
        (None, None, _) => {
            "it said nothing: is it a plugin? host and plugin must share one magic cookie".into()
        }
    }
}

fn list(networks: &[Network]) -> String {
    networks.iter().map(|network| network.as_str()).collect::<Vec<_>>().join(" and ")
}
