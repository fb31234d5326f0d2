//! The exit code of a call that failed.

use rpcplugin::{
    Error,
    core::{ProtocolError, TransportError},
};

use crate::failure::{Failure, USAGE};

/// Before the number of a gRPC status.
const STATUS: u8 = 20;
const DEADLINE_EXCEEDED: u8 = 4;
const RESOURCE_EXHAUSTED: u8 = 8;

/// The same failure with an exit code that tells its kind.
pub(crate) fn coded(failure: Failure) -> Failure {
    let code = match &failure {
        Failure::Library(error) => of(error),
        _ => return failure,
    };
    Failure::Coded { failure: Box::new(failure), code }
}

fn of(error: &Error) -> u8 {
    match error {
        Error::Config { .. } => 3,
        Error::Handshake { .. } => 4,
        Error::Security { .. } => 5,
        Error::Transport { source: TransportError::Deadline { .. }, .. } => {
            STATUS + DEADLINE_EXCEEDED
        }
        Error::Transport { .. } => 6,
        Error::Protocol { source, .. } => match source {
            ProtocolError::Status { status, .. } => {
                // There are 17 of them.
                STATUS + u8::try_from(*status).unwrap_or(2).min(99)
            }
            ProtocolError::RateLimited { .. } | ProtocolError::Limit { .. } => {
                STATUS + RESOURCE_EXHAUSTED
            }
            ProtocolError::InvalidMessage { .. }
            | ProtocolError::UnknownService { .. }
            | ProtocolError::UnknownMethod { .. }
            | ProtocolError::AmbiguousMethod { .. }
            | ProtocolError::WrongCallKind { .. } => USAGE,
            _ => 7,
        },
        _ => 1,
    }
}
