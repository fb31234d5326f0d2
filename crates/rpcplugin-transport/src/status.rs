//! Between [`Status`], which every call ends with, and our own errors.

use std::{error::Error as StdError, sync::Arc};

use rpcplugin_core::{
    CrashReport, Error, ProtocolError, SecurityError, TransportError, escape_text,
};
use tonic::{Code, Status};

/// The status of a call that a connection's fate ended; many calls may share the error.
pub(crate) fn shared_status(error: Arc<TransportError>) -> Status {
    let code = match *error {
        TransportError::Deadline { .. } => Code::DeadlineExceeded,
        _ => Code::Unavailable,
    };
    with_source(code, error)
}

pub(crate) fn transport_status(error: TransportError) -> Status {
    shared_status(Arc::new(error))
}

pub(crate) fn protocol_status(error: ProtocolError) -> Status {
    with_source(Code::Internal, Arc::new(error))
}

/// The status of a call for which no connection came about.
pub(crate) fn dial_status(error: Arc<Error>) -> Status {
    with_source(Code::Unavailable, error)
}

fn with_source<E: StdError + Send + Sync + 'static>(code: Code, error: Arc<E>) -> Status {
    let mut status = Status::new(code, error.to_string());
    status.set_source(error);
    status
}

/// The error that a call's status stands for.
///
/// A status that this library made holds its error as a source, and that comes back. All others
/// are sorted by their code: UNAVAILABLE is `TRANSPORT_DISCONNECTED`, DEADLINE_EXCEEDED is
/// `TRANSPORT_DEADLINE`, RESOURCE_EXHAUSTED is `PROTOCOL_RATE_LIMITED` if the plugin says when to
/// try again and else `PROTOCOL_LIMIT`, and the rest is `PROTOCOL_STATUS`.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::error_from_status;
/// use tonic::Status;
///
/// let error = error_from_status(&Status::not_found("no such key"));
/// assert_eq!(error.code(), "PROTOCOL_STATUS");
/// assert_eq!(error.to_string(), "call ended with status NOT_FOUND (5): no such key");
/// assert_eq!(error_from_status(&Status::aborted("")).is_retryable(), true);
/// assert_eq!(error_from_status(&Status::unavailable("")).code(), "TRANSPORT_DISCONNECTED");
/// ```
#[must_use]
pub fn error_from_status(status: &Status) -> Error {
    causes(status).find_map(copy).unwrap_or_else(|| by_code(status))
}

/// The report on the plugin whose death ended this call, if that is what ended it.
///
/// # Example
///
/// ```
/// use tonic::Status;
///
/// assert!(rpcplugin_transport::crash_report(&Status::unavailable("somewhere else")).is_none());
/// ```
#[must_use]
pub fn crash_report(status: &Status) -> Option<&CrashReport> {
    causes(status).find_map(|cause| match cause.downcast_ref::<TransportError>() {
        Some(TransportError::PluginGone { report }) => report.as_deref(),
        _ => cause.downcast_ref::<Error>()?.report(),
    })
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(status.source(), |cause| (*cause).source())
}

/// Our own error, if this is one. The original stays with its status, so this is a copy.
fn copy(cause: &(dyn StdError + 'static)) -> Option<Error> {
    if let Some(error) = cause.downcast_ref::<Error>() {
        return match error {
            Error::Transport { source, .. } => Some(source.clone().into()),
            Error::Protocol { source, .. } => Some(source.clone().into()),
            Error::Security { source, .. } => Some(source.clone().into()),
            // Nothing else fails while a connection is made.
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<TransportError>() {
        return Some(error.clone().into());
    }
    if let Some(error) = cause.downcast_ref::<ProtocolError>() {
        return Some(error.clone().into());
    }
    cause.downcast_ref::<SecurityError>().map(|error| error.clone().into())
}

fn by_code(status: &Status) -> Error {
    let message = escape_text(status.message());
    match status.code() {
        Code::Unavailable => TransportError::Disconnected {
            detail: or(message, "the plugin is unavailable"),
            source: None,
        }
        .into(),
        Code::DeadlineExceeded => {
            TransportError::Deadline { origin: or(message, "the plugin's own deadline") }.into()
        }
        Code::ResourceExhausted if says_when(status) => {
            ProtocolError::RateLimited { detail: message }.into()
        }
        Code::ResourceExhausted => ProtocolError::Limit { detail: message }.into(),
        // How tonic's generated code refuses a message over its own limit.
        Code::OutOfRange if is_size_limit(status.message()) => {
            ProtocolError::Limit { detail: message }.into()
        }
        code => ProtocolError::Status { status: code as i32, name: name(code), message }.into(),
    }
}

fn or(message: String, otherwise: &str) -> String {
    if message.is_empty() { otherwise.to_owned() } else { message }
}

fn is_size_limit(message: &str) -> bool {
    message.starts_with("Error, decoded message length too large")
        || message.starts_with("Error, encoded message length too large")
}

/// Whether a refusal says when to try again.
fn says_when(status: &Status) -> bool {
    const RETRY_INFO: &[u8] = b"type.googleapis.com/google.rpc.RetryInfo";
    ["retry-after-ms", "grpc-retry-pushback-ms"]
        .iter()
        .any(|key| status.metadata().contains_key(*key))
        || status.details().windows(RETRY_INFO.len()).any(|window| window == RETRY_INFO)
}

const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests;
