use std::time::Duration;

use super::{Facts, SystemError, diagnosis, fatal, retryable};
use crate::{CrashReport, Phase};

/// A connection could not be made, or was lost. One loss ends many calls, so it can be cloned.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// An address given by the caller has no valid form.
    #[error("not an address to connect to or listen on, {address:?}: {reason}")]
    InvalidEndpoint {
        /// The address, escaped.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No transport or port could be bound.
    #[error("could not listen: {}", attempts.join("; "))]
    BindFailed {
        /// Each attempt with its reason.
        attempts: Vec<String>,
    },
    /// Plugin side: the handshake line could not be written.
    #[error("the handshake line could not be written to stdout")]
    StdoutClosed {
        /// The system's reason.
        #[source]
        source: SystemError,
    },
    /// Nobody listens at the address.
    #[error("nobody listens at {address}")]
    Refused {
        /// The address.
        address: String,
    },
    /// The socket file is gone.
    #[error("no socket at {address}")]
    NotFound {
        /// The address.
        address: String,
    },
    /// The socket is not ours to open.
    #[error("not permitted to connect to {address}: {detail}")]
    Denied {
        /// The address.
        address: String,
        /// Its owner and mode, where they are known.
        detail: String,
    },
    /// No answering connection in time.
    #[error("no connection within {limit:?}, in phase {phase}")]
    ConnectTimeout {
        /// How far it came.
        phase: Phase,
        /// The time that was allowed.
        limit: Duration,
    },
    /// The connection was lost; the plugin may be alive.
    #[error("connection lost: {detail}")]
    Disconnected {
        /// What is known about it.
        detail: String,
        /// What reading or writing failed with, TLS included, if it was that.
        #[source]
        source: Option<SystemError>,
    },
    /// The plugin's process ended.
    #[error("plugin is gone{}", report.as_deref().map(ending).unwrap_or_default())]
    PluginGone {
        /// How it ended.
        report: Option<Box<CrashReport>>,
    },
    /// A deadline passed, or the peer stopped answering.
    #[error("no answer in time: {origin}")]
    Deadline {
        /// Which deadline, and who set it.
        origin: String,
    },
    /// No descriptor or memory is left.
    #[error("the system has no resources for a connection")]
    Resources {
        /// The system's reason.
        #[source]
        source: SystemError,
    },
    /// Nobody serves this side channel.
    #[error("side channel {id} was not offered within {limit:?}")]
    BrokerTimeout {
        /// Its number.
        id: u32,
        /// The time that was allowed.
        limit: Duration,
    },
    /// There is no stream over which side channels could be announced.
    #[error("no broker to talk to: {detail}")]
    BrokerUnavailable {
        /// What is missing, and on which side.
        detail: String,
    },
    /// Another host holds the plugin.
    #[error("another host holds the plugin{}", holder.map(|pid| format!(": process {pid}")).unwrap_or_default())]
    ReattachInUse {
        /// That host's process id, where the system tells.
        holder: Option<u32>,
    },
    /// The handle was used after its end.
    #[error("plugin was shut down, or its last Client was dropped")]
    ShutDown,
}

impl TransportError {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::InvalidEndpoint { .. } => fatal(
                "TRANSPORT_INVALID_ENDPOINT",
                "give an IP literal with a port, or an absolute path that fits a socket",
            ),
            Self::BindFailed { .. } => retryable(
                "TRANSPORT_BIND_FAILED",
                "free a port, or widen the range; each attempt is listed",
            ),
            Self::StdoutClosed { .. } => fatal(
                "TRANSPORT_STDOUT_CLOSED",
                "the host must keep the plugin's stdout open until it has the line",
            ),
            Self::Refused { .. } => fatal(
                "TRANSPORT_REFUSED",
                "is the plugin alive? it must listen before it prints its line",
            ),
            Self::NotFound { .. } => fatal(
                "TRANSPORT_NOT_FOUND",
                "did something clean the directory for temporary files?",
            ),
            Self::Denied { .. } => fatal(
                "TRANSPORT_DENIED",
                "host and plugin must run as one user, or share a socket group",
            ),
            Self::ConnectTimeout { .. } => retryable(
                "TRANSPORT_CONNECT_TIMEOUT",
                "the plugin listens and does not answer; raise connection_timeout (PLUGIN_CONNECTION_TIMEOUT) if it is only slow",
            ),
            Self::Disconnected { .. } => retryable(
                "TRANSPORT_DISCONNECTED",
                "the plugin closed the connection; calls in flight were lost",
            ),
            Self::PluginGone { .. } => retryable(
                "TRANSPORT_PLUGIN_GONE",
                "the crash report says how it ended; start another",
            ),
            Self::Deadline { .. } => {
                retryable("TRANSPORT_DEADLINE", "allow more time, or ask for less")
            }
            Self::Resources { .. } => retryable(
                "TRANSPORT_RESOURCES",
                "raise the limit on open files (ulimit -n), or close something",
            ),
            Self::BrokerTimeout { .. } => retryable(
                "TRANSPORT_BROKER_TIMEOUT",
                "the other side must serve it, and keep what it serves open until it is dialled",
            ),
            Self::BrokerUnavailable { .. } => fatal(
                "TRANSPORT_BROKER_UNAVAILABLE",
                "the other side must support the broker, and the connection must be up",
            ),
            Self::ReattachInUse { .. } => retryable(
                "TRANSPORT_REATTACH_IN_USE",
                "one host at a time holds a plugin: wait until that one has let go",
            ),
            Self::ShutDown => fatal(
                "TRANSPORT_SHUT_DOWN",
                "keep a Client for as long as calls are made; start another",
            ),
        }
    }
}

diagnosis!(TransportError);

/// How a plugin ended, as far as it is known.
fn ending(report: &CrashReport) -> String {
    let status = report.status.map(|status| format!(": {status}"));
    let limit = report.limit.map(|limit| format!(", ended by its {limit}"));
    [status, limit].into_iter().flatten().collect()
}
